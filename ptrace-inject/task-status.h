/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few facts of /proc/PID/task/TID/status that decide about an injection, and the choice of a
 * thread. Everything read here is stale unless the thread is stopped by us.
 */
#ifndef LAZY_WP_PTRACE_INJECT_TASK_STATUS_H
#define LAZY_WP_PTRACE_INJECT_TASK_STATUS_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* The -errno of a call of our own; EMFILE must not be taken for the task's lack of descriptors. */
static inline int inject_own_error(int error)
{
	return error == -EMFILE ? -ENFILE : error;
}

struct inject_task_status {
	char state;   /* proc(5): R S D T t Z X I */
	pid_t tracer; /* 0: none, or one outside our pid namespace */
	bool seccomp; /* strict mode or a filter */
};

/* Reads the status of thread tid of process pid. -ESRCH when there is none, -ENFILE. */
int inject_task_status(pid_t pid, pid_t tid, struct inject_task_status *ret_status);

/* The parser behind it: the text of a status file from a descriptor. -ESRCH: it has no state. */
int inject_parse_task_status(int fd, struct inject_task_status *ret_status);

/* True once the thread is a zombie or gone for good. */
bool inject_task_is_dead(pid_t pid, pid_t tid);

/* Returns the leader, or a live thread if that has exited; -ESRCH when all have. -ENFILE, -ENOMEM. */
pid_t inject_choose_thread(pid_t pid);

#endif
