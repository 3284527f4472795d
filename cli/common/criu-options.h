/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that stand on our command lines, CRIU's (criu(8), 4.0 to 4.3) and ours, for
 * getopt_long(3): what takes a value, and what may be abbreviated, is as CRIU sees it.
 */
#ifndef LAZY_WP_CLI_COMMON_CRIU_OPTIONS_H
#define LAZY_WP_CLI_COMMON_CRIU_OPTIONS_H

#include <getopt.h> /* optarg, optind */
#include <stdbool.h>

enum cli_option {
	CLI_OPTION_NONE = 1,    /* an argument that is no option */
	CLI_OPTION_OTHER = 256, /* CRIU's, which a live pre-dump does not take */
	CLI_OPTION_IGNORED,     /* CRIU's pre-dump has no use for it either, or we do it anyway */
	CLI_OPTION_PREV_IMAGES,
	CLI_OPTION_PRE_DUMP_MODE,
	CLI_OPTION_TIMEOUT,
	CLI_OPTION_UNPRIVILEGED,
	CLI_OPTION_AUTO_DEDUP,
	CLI_OPTION_PAGE_SERVER,
	CLI_OPTION_ADDRESS,
	CLI_OPTION_PORT,
	/* Ours, which CRIU does not get: all that follow. */
	CLI_OPTION_LAZY_WP,
	CLI_OPTION_REAL_CRIU,
	CLI_OPTION_LOG_LEVEL,
	CLI_OPTION_IDLE_LIMIT,
	CLI_OPTION_MAX_DOWNTIME,
	CLI_OPTION_MAX_ROUNDS,
	CLI_OPTION_ON_STALL,
	CLI_OPTION_JOBS,
	CLI_OPTION_BANDWIDTH,
};

/* The next call of cli_next_option() begins anew. */
void cli_rewind_options(void);

/*
 * getopt_long(3) with these options, each argument in its place and nothing printed: a short
 * option's letter, an enum cli_option, '?' for what is wrong or unknown, -1 at the end or at "--".
 */
int cli_next_option(int argc, char **argv);

static inline bool cli_is_own_option(int option)
{
	return option >= CLI_OPTION_LAZY_WP;
}

#endif
