// SPDX-License-Identifier: GPL-2.0-only
#include "keeper/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/process.h"

struct keeper_entry *keeper_tasks_find(struct keeper_tasks *tasks, pid_t pid)
{
	for (size_t i = 0; i < tasks->nr; i++)
		if (tasks->v[i].pid == pid)
			return &tasks->v[i];
	return NULL;
}

void keeper_tasks_drop(struct keeper_tasks *tasks, struct keeper_entry *entry)
{
	util_close_cleanup(&entry->pidfd);
	util_close_cleanup(&entry->uffd);
	free(entry->warning);
	*entry = tasks->v[--tasks->nr];
}

/* A pidfd of exactly this process: opened first, compared then, so no pid can be reused between. */
static int open_process(pid_t pid, uint64_t start_time)
{
	auto_close int pidfd = syscall(SYS_pidfd_open, pid, 0);
	uint64_t found;
	int ret;

	if (pidfd < 0)
		return -errno;
	ret = process_start_time(pid, &found);
	if (ret || found != start_time)
		return ret ? ret : -ESRCH;
	return take_fd(&pidfd);
}

static int reserve_one(struct keeper_tasks *tasks)
{
	size_t cap = tasks->cap ? 2 * tasks->cap : 32;
	struct keeper_entry *v;

	if (tasks->nr >= tasks->max || tasks->nr >= KEEPER_TASKS_MAX)
		return -ENOSPC;
	if (tasks->nr < tasks->cap)
		return 0;
	v = reallocarray(tasks->v, cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	tasks->v = v;
	tasks->cap = cap;
	return 0;
}

int keeper_tasks_get(struct keeper_tasks *tasks, pid_t pid, uint64_t start_time,
		     struct keeper_entry **ret_entry)
{
	struct keeper_entry *entry = keeper_tasks_find(tasks, pid);
	int pidfd, ret;

	if (entry && entry->start_time == start_time) {
		*ret_entry = entry;
		return 0;
	}
	if (entry)
		keeper_tasks_drop(tasks, entry);
	ret = reserve_one(tasks);
	if (ret)
		return ret;
	pidfd = open_process(pid, start_time);
	if (pidfd < 0)
		return pidfd;
	entry = &tasks->v[tasks->nr++];
	*entry = (struct keeper_entry){
		.pid = pid, .start_time = start_time, .pidfd = pidfd, .uffd = -1
	};
	*ret_entry = entry;
	return 0;
}
