/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The launcher: runs the real CRIU in our place. Without --lazy-wp it gets exactly the arguments
 * and environment that we got; with it, and where CRIU serves requests (swrk, service), the
 * plugin is preloaded and told what it is for.
 */
#ifndef LAZY_WP_CLI_COMMON_LAUNCH_H
#define LAZY_WP_CLI_COMMON_LAUNCH_H

#include <stdbool.h>

/*
 * Executes CRIU with argv (argv[0] is replaced). implied: as if --lazy-wp had been given.
 * Returns only on failure, with the exit code: 1, after one line on stderr.
 */
int cli_launch(int argc, char **argv, bool implied);

#endif
