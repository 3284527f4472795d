/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a live pre-dump: CRIU's names, and a few of ours. */
#ifndef LAZY_WP_CLI_COMMON_LIVE_OPTIONS_H
#define LAZY_WP_CLI_COMMON_LIVE_OPTIONS_H

#include <stdint.h>

#include "cli/common/command-line.h"
#include "cli/common/rounds.h"

struct live_options {
	const char *tree;     /* -t */
	const char *images;   /* -D; "." */
	const char *work;     /* -W; NULL: the images directory */
	const char *log_file; /* -o, relative to work; NULL: stderr */
	const char *parent;   /* --prev-images-dir */
	int verbosity;        /* -v, as CRIU counts: 1 errors … 4 debug; 2 */
	unsigned int jobs;    /* --jobs; half the CPUs, at least 1 */
	uint64_t bandwidth;   /* --bandwidth, bytes a second; 0: no limit */
	bool auto_dedup;      /* --auto-dedup */
	bool page_server;     /* --page-server: the two that follow are given */
	const char *address;  /* --address */
	uint16_t port;        /* --port */
};

/* -EINVAL, after one line on stderr. */
int live_options_parse(int argc, char **argv, struct live_options *ret_options);

/* Of the command line of a dump, what its rounds need. -EINVAL, after one line on stderr. */
int live_options_for_rounds(const struct cli_command_line *line,
			    struct rounds_options *ret_options);

#endif
