/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The launcher's view of a command line that is CRIU's: it looks for what concerns it and leaves
 * the rest alone. Strings are those of argv.
 */
#ifndef LAZY_WP_CLI_COMMON_COMMAND_LINE_H
#define LAZY_WP_CLI_COMMON_COMMAND_LINE_H

#include <stdbool.h>

struct cli_command_line {
	const char *command;  /* "dump", … or NULL */
	const char *tree;     /* the value of -t, --tree, or NULL */
	bool lazy;            /* --lazy-wp without a value */
	const char *tracker;  /* --lazy-wp=TRACKER */
	const char *log_file; /* -o, --log-file, relative to work, or to images if that is NULL */
	const char *work;     /* -W, --work-dir */
	const char *images;   /* -D, --images-dir; CRIU's default is "." */
	const char *parent;   /* --prev-images-dir, relative to images; NULL: none */
	const char *mode;     /* --pre-dump-mode; NULL: live */
	const char *timeout;  /* --timeout, in seconds */
	bool page_server, auto_dedup, unprivileged;
	/* Ours, which CRIU does not get. */
	const char *real_criu, *log_level, *idle_limit;
	const char *max_downtime, *max_rounds, *on_stall, *jobs, *bandwidth;
};

void cli_read_command_line(int argc, char **argv, struct cli_command_line *ret_line);

/*
 * The arguments for CRIU: ours left out; track: with --track-mem for a dump, since CRIU asks the
 * tracker only with it and without any tracker refuses it; parent: with this --prev-images-dir in
 * the place of the user's, or NULL. The array is the caller's. NULL: no memory.
 */
char **cli_criu_arguments(int argc, char **argv, const char *criu,
			  const struct cli_command_line *line, bool track, const char *parent);

#endif
