// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/helper.h"
#include "ptrace-inject/inject.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"
#include "util/process.h"

#define LOOKS_MAX 8

/*
 * Calls in which threads sleep long, and which at most copy into memory through the page tables.
 * In clone() and vfork() a parent waits for its child. A call that is not here costs a stop.
 */
static bool is_harmless(long nr)
{
	static const long harmless[] = {
		SYS_futex,           SYS_epoll_pwait,     SYS_ppoll,         SYS_pselect6,
		SYS_nanosleep,       SYS_clock_nanosleep, SYS_wait4,         SYS_waitid,
		SYS_accept,          SYS_accept4,         SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
		SYS_restart_syscall, SYS_clone,           SYS_clone3,
#ifdef SYS_epoll_wait
		SYS_vfork,           SYS_epoll_wait,      SYS_poll,          SYS_select,
		SYS_pause,
#endif
	};

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (nr == harmless[i])
			return true;
	return false;
}

/* /proc/PID/task/TID/syscall: "running", or the number of the call in which the thread sleeps. */
static bool sleeps_harmlessly(pid_t pid, pid_t tid)
{
	char path[64], text[32] = "", *end;
	auto_close int fd = -1;
	long nr;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	nr = strtol(text, &end, 10);
	return end != text && is_harmless(nr);
}

static int pass_thread(pid_t pid, pid_t tid)
{
	int error;

	if (sleeps_harmlessly(pid, tid))
		return 0;
	error = inject_ctl_pass(pid, tid);
	return error == -ESRCH ? 0 : error;
}

/* Those that are not in the list of the passed yet; how many there were is in *ret_nr. */
static int pass_new_threads(pid_t pid, struct process_list *passed, size_t *ret_nr)
{
	auto_process_list struct process_list threads = { 0 };
	size_t before = passed->nr;
	int error = inject_own_error(process_threads(pid, &threads));

	for (size_t i = 0; i < threads.nr && !error; i++) {
		if (process_list_contains(passed, threads.v[i]))
			continue;
		error = pass_thread(pid, threads.v[i]);
		if (!error)
			error = inject_own_error(process_list_append(passed, threads.v[i]));
	}
	*ret_nr = passed->nr - before;
	return error;
}

/*
 * Threads that are born meanwhile were in no call when it began. But while one exits, the kernel's
 * list may lack another that lives (fs/proc/base.c, next_tid()): it is read again until there is
 * none that is new. A program whose threads come and go all the time is read so often at most.
 */
static int pass_threads(void *argument)
{
	pid_t pid = *(const pid_t *)argument;
	auto_process_list struct process_list passed = { 0 };
	size_t nr = 1;
	int error = 0;

	for (int i = 0; i < LOOKS_MAX && nr && !error; i++)
		error = pass_new_threads(pid, &passed, &nr);
	return error;
}

int inject_barrier(pid_t pid)
{
	return inject_in_helper(pass_threads, &pid, -EIO);
}
