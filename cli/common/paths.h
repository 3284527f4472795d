/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where our own files and the real CRIU are. Ours are found relative to the running program, in
 * the build tree and where `make install` puts them, so that nothing has to be configured.
 */
#ifndef LAZY_WP_CLI_COMMON_PATHS_H
#define LAZY_WP_CLI_COMMON_PATHS_H

#include <limits.h>

struct cli_paths {
	char criu[PATH_MAX];   /* the real CRIU */
	char plugin[PATH_MAX]; /* lazy_wp_plugin.so */
	char keeper[PATH_MAX]; /* lazy-wpd */
};

/*
 * Finds the real CRIU: the configuration's, else criu/criu beside the build's bin/, else `criu` in
 * PATH that is not this program. -ENOENT: none; -EACCES: the first is set but not executable; both
 * after one line that says so.
 */
int cli_find_criu(char ret_path[PATH_MAX]);

/* Finds the plugin and the keeper. -ENOENT: the installation is incomplete. */
int cli_find_plugin(char ret_path[PATH_MAX]);
int cli_find_keeper(char ret_path[PATH_MAX]);

/* All three; prints one line that says what is missing. */
int cli_find_paths(struct cli_paths *ret_paths);

#endif
