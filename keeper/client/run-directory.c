// SPDX-License-Identifier: GPL-2.0-only
#include "keeper/client/run-directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NAME "/criu-lazy-wp"

int keeper_run_directory(char ret_path[RUN_DIRECTORY_MAX])
{
	const char *chosen = getenv("LAZY_WP_RUNDIR"), *users = getenv("XDG_RUNTIME_DIR");
	int len;

	if (chosen)
		len = snprintf(ret_path, RUN_DIRECTORY_MAX, "%s", chosen);
	else if (!geteuid())
		len = snprintf(ret_path, RUN_DIRECTORY_MAX, "/run" NAME);
	else if (users && *users)
		len = snprintf(ret_path, RUN_DIRECTORY_MAX, "%s" NAME, users);
	else
		len = snprintf(ret_path, RUN_DIRECTORY_MAX, "/run/user/%u" NAME, geteuid());
	return len < RUN_DIRECTORY_MAX ? 0 : -ENAMETOOLONG;
}

/* Ours, and without the permissions that others must not have. */
static int check(int dir, mode_t forbidden)
{
	struct stat st;

	if (fstat(dir, &st))
		return -errno;
	return st.st_uid == geteuid() && !(st.st_mode & forbidden) ? 0 : -EACCES;
}

/* /run is root's on every system, and who sets LAZY_WP_RUNDIR has chosen the place. */
static bool is_in_users_directory(void)
{
	return geteuid() && !getenv("LAZY_WP_RUNDIR");
}

/* Who can rename our directory there can put another one in its place. */
static int check_users_directory(const char *path)
{
	char parent[RUN_DIRECTORY_MAX];
	auto_close int dir = -1;

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = 0;
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return check(dir, 022);
}

int keeper_open_run_directory(const char *path)
{
	auto_close int dir = -1;
	int ret = is_in_users_directory() ? check_users_directory(path) : 0;

	if (ret)
		return ret;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	ret = check(dir, 077);
	return ret ? ret : take_fd(&dir);
}

/*
 * The last keeper removes the directory, also between our opening and locking it: then the lock
 * is on a directory that has no name any more, and we begin again.
 */
int keeper_lock_run_directory(const char *path)
{
	int ret = is_in_users_directory() ? check_users_directory(path) : 0;

	if (ret)
		return ret == -ENOENT ? -EACCES : ret;
	for (;;) {
		auto_close int dir = -1;
		struct stat locked, named;

		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		dir = keeper_open_run_directory(path);
		if (dir == -ENOENT)
			continue;
		if (dir < 0)
			return dir;
		if (flock(dir, LOCK_EX) || fstat(dir, &locked))
			return -errno;
		if (!stat(path, &named) && named.st_dev == locked.st_dev &&
		    named.st_ino == locked.st_ino)
			return take_fd(&dir);
	}
}
