// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "ptrace-inject/inject.h"
#include "session/internal.h"
#include "util/cleanup.h"

static bool is_userfaultfd(int dir, const char *name)
{
	char link[64];
	ssize_t len = readlinkat(dir, name, link, sizeof(link) - 1);

	if (len < 0)
		return false;
	link[len] = 0;
	return !strcmp(link, "anon_inode:[userfaultfd]");
}

/* -1: none */
static int find_ours(pid_t pid, int fd, const int *uffds, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!syscall(SYS_kcmp, pid, getpid(), KCMP_FILE, fd, uffds[i]))
			return uffds[i];
	return -1;
}

int session_close_inherited(pid_t pid, const int *uffds, size_t nr)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int closed = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name), ours = -1, ret;

		if (is_userfaultfd(dirfd(dir), entry->d_name))
			ours = find_ours(pid, fd, uffds, nr);
		ret = ours < 0 ? -EBADF : inject_close(pid, fd, ours);
		if (ret == -EBADF) /* no copy, or none any more */
			continue;
		if (ret)
			return ret;
		closed++;
	}
	return closed;
}
