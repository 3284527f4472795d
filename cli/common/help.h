/* SPDX-License-Identifier: GPL-2.0-only */
/* What our programs say of the options that CRIU does not have. */
#ifndef LAZY_WP_CLI_COMMON_HELP_H
#define LAZY_WP_CLI_COMMON_HELP_H

#include <stdbool.h>
#include <stdio.h>

/* True if the command line of CRIU's that it is asks for help. */
bool cli_wants_help(int argc, char **argv);

/* The options that the launcher adds to CRIU's, and what it reads from file and environment. */
void cli_print_options(FILE *out);

/*
 * Runs the real CRIU for its own help, then adds ours. Returns the exit code: CRIU's if that is
 * not 0, and 1 if it cannot be run.
 */
int cli_show_help(const char *criu, char **args);

#endif
