/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `criu dump --lazy-wp`: live pre-dumps into DIR/pre/1, 2, … until the dump that follows is
 * predicted to freeze the tree for no longer than wanted. With --prev-images-dir that may be so at
 * once, and then there are none. Every round is a
 * complete iteration, so an interruption at any moment leaves a running tree and images that say
 * what they are.
 */
#ifndef LAZY_WP_CLI_COMMON_ROUNDS_H
#define LAZY_WP_CLI_COMMON_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common/criu-round.h"

#define ROUNDS_DOWNTIME_MS 300
#define ROUNDS_MAX         10

enum rounds_on_stall { ROUNDS_DUMP, ROUNDS_FAIL, ROUNDS_THROTTLE };

struct rounds_options {
	pid_t root;
	const char *images, *keeper;
	const char *parent; /* --prev-images-dir, relative to images; NULL: none */
	unsigned int max_downtime_ms, max_rounds; /* max_rounds 0: none, a full dump */
	unsigned int timeout_s;                   /* 0: none; no round is begun after it */
	enum rounds_on_stall on_stall;
	const struct criu_round *criu_round; /* NULL: rounds are live */
	unsigned int jobs;
	uint64_t bandwidth; /* bytes a second; 0: no limit */
	bool auto_dedup;
};

/*
 * Runs the rounds and prints one line for each. Returns the number of the last one, which is the
 * parent of the dump (0: there is none), or -errno after a line that says why. With on_stall
 * ROUNDS_THROTTLE the tree may still be slowed then: ret_throttle is the helper that does it (see
 * ptrace-inject/throttle.h), to be ended when the tree is stopped for the dump; or 0.
 */
int rounds_run(const struct rounds_options *options, pid_t *ret_throttle);

#endif
