/* SPDX-License-Identifier: GPL-2.0-only */
/* `criu pre-dump --lazy-wp`: the live pre-dump, which CRIU has no part in. */
#ifndef LAZY_WP_CLI_COMMON_LIVE_H
#define LAZY_WP_CLI_COMMON_LIVE_H

#include <sys/types.h>

#include "cli/common/command-line.h"
#include "cli/common/criu-round.h"
#include "cli/common/paths.h"

/*
 * Runs `pre-dump` with CRIU's options of that name; the directories and the target are checked
 * already. An option that only CRIU's own pre-dump can serve is refused with one line that says
 * so. Returns the exit code.
 */
int cli_live_pre_dump(int argc, char **argv, const struct cli_paths *paths);

/*
 * The rounds before a dump (see rounds.h), by the launcher's options; criu_round: of CRIU's own
 * pre-dumps, NULL: live. Returns the number of the last one, or -errno after a line on stderr.
 * ret_throttle as rounds_run().
 */
int cli_rounds(const struct cli_command_line *line, pid_t root, const char *keeper,
	       const struct criu_round *criu_round, pid_t *ret_throttle);

#endif
