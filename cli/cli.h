/* SPDX-License-Identifier: GPL-2.0-only */
/* The sub-commands of criu-lazy-wp. Each one's run() gets its own name as argv[0] and returns the exit code. */
#ifndef LAZY_WP_CLI_CLI_H
#define LAZY_WP_CLI_CLI_H

struct cli_command {
	const char *name;
	const char *usage; /* what follows the name */
	const char *help;  /* one line */
	int (*run)(int argc, char **argv);
};

/*
 * To stdout, with "?" for what is not printable ASCII: files, and names that tasks have chosen,
 * are hostile, and a terminal obeys what it is shown.
 */
void cli_print_safely(const char *text);

int cli_cmd_check(int argc, char **argv);
int cli_cmd_status(int argc, char **argv);
int cli_cmd_stop(int argc, char **argv);
int cli_cmd_show(int argc, char **argv);
int cli_cmd_verify(int argc, char **argv);

#endif
