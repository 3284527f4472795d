/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where keepers' sockets are: root's in /run/criu-lazy-wp, another user's in criu-lazy-wp of the
 * runtime directory that belongs to that user ($XDG_RUNTIME_DIR, else /run/user/UID), everybody's in
 * $LAZY_WP_RUNDIR where that is set. Who could write there could stand in for a keeper, so what
 * is not the user's alone is refused.
 */
#ifndef LAZY_WP_KEEPER_CLIENT_RUN_DIRECTORY_H
#define LAZY_WP_KEEPER_CLIENT_RUN_DIRECTORY_H

/* Longest directory that leaves room for a socket's name in sockaddr_un. */
#define RUN_DIRECTORY_MAX 60

/* The path, whether it exists or not. -ENAMETOOLONG. */
int keeper_run_directory(char ret_path[RUN_DIRECTORY_MAX]);

/*
 * Opens path. -ENOENT: there is none yet; -EACCES: it is another user's, or others can enter it, or
 * the user's runtime directory that it is in is another's, or others can write there.
 */
int keeper_open_run_directory(const char *path);

/* Makes it if need be, opens and locks it. -EACCES also if the user has none; errors of mkdir(2). */
int keeper_lock_run_directory(const char *path);

#endif
