// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify-stop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "util/cleanup.h"
#include "util/process.h"

#define THREADS_MAX (4u << 20) /* the kernel's largest pid_max */
#define WAIT_MS     50         /* a thread that another one's exec removes sends no SIGCHLD */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_known(const struct verify_stopped *stopped, pid_t tid)
{
	for (size_t i = 0; i < stopped->nr; i++)
		if (stopped->v[i].tid == tid)
			return true;
	return false;
}

static int append(struct verify_stopped *stopped, pid_t tid)
{
	if (stopped->nr == stopped->cap) {
		size_t cap = stopped->cap ? 2 * stopped->cap : 64;
		struct verify_stopped_thread *v;

		if (cap > THREADS_MAX)
			return -ENOMEM;
		v = reallocarray(stopped->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		stopped->v = v;
		stopped->cap = cap;
	}
	stopped->v[stopped->nr++] = (struct verify_stopped_thread){ .tid = tid };
	return 0;
}

/* A zombie cannot be seized (EPERM), and need not be. */
static bool is_dead(pid_t tid)
{
	struct process_info info;
	int ret = process_read(tid, &info);

	return ret == -ESRCH || (!ret && strchr("ZX", info.state));
}

static int seize_failed(pid_t tid, int reason, struct image_error *error)
{
	struct process_info info;

	if (reason == ESRCH || is_dead(tid))
		return 0;
	if (!process_read(tid, &info) && info.tracer)
		return image_fail(error, -EBUSY, "thread %d is traced by process %d already", tid,
				  info.tracer);
	return image_fail(error, -reason, "thread %d cannot be traced: %s", tid, strerror(reason));
}

static int seize(struct verify_stopped *stopped, pid_t tid, struct image_error *error)
{
	if (is_known(stopped, tid))
		return 0;
	if (append(stopped, tid))
		return image_fail(error, -ENOMEM, "out of memory");
	if (!ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		ptrace(PTRACE_INTERRUPT, tid, 0, 0);
		return 0;
	}
	stopped->nr--;
	return seize_failed(tid, errno, error);
}

static int seize_threads(struct verify_stopped *stopped, pid_t pid, struct image_error *error)
{
	auto_process_list struct process_list threads = { 0 };
	int ret;

	if (pid == getpid())
		return image_fail(error, -EDEADLK,
				  "verify cannot run inside the tree that it stops");
	ret = process_threads(pid, &threads);
	if (ret)
		return ret == -ESRCH ?
			       0 :
			       image_fail(error, ret, "/proc/%d/task: %s", pid, strerror(-ret));
	for (size_t i = 0; i < threads.nr && !ret; i++)
		ret = seize(stopped, threads.v[i], error);
	return ret;
}

/*
 * Looks at the thread's report and leaves it for the kernel (WNOWAIT): should we be killed, the
 * signal that it may be about is still delivered. True if the thread is stopped or no more.
 */
static bool has_stopped(struct verify_stopped_thread *thread)
{
	struct tracee tracee = { .tid = thread->tid, .stop = TRACEE_EVENT };
	siginfo_t info = { 0 };
	int event;

	if (waitid(P_PID, (id_t)thread->tid, &info,
		   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL))
		return errno != EINTR;
	if (!info.si_pid)
		return false;
	event = info.si_status >> 8;
	if (info.si_code == CLD_TRAPPED && event != PTRACE_EVENT_STOP)
		thread->signal = info.si_status & 0xff;
	else if (info.si_code == CLD_TRAPPED)
		inject_hide_eintr(&tracee);
	return true;
}

static int wait_until_stopped(struct verify_stopped_thread *thread, int64_t deadline_ms,
			      struct image_error *error)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (!has_stopped(thread)) {
		if (is_dead(thread->tid))
			return 0;
		if (now_ms() >= deadline_ms)
			return image_fail(
				error, -ETIMEDOUT,
				"thread %d does not stop: it sleeps uninterruptibly or is frozen "
				"(stop the tree yourself and say --stopped)",
				thread->tid);
		sigtimedwait(&child, NULL, &pause);
	}
	return 0;
}

/* Seizes the threads of a process that are new to us and waits until they stand still. */
static int stop_process(struct verify_stopped *stopped, pid_t pid, int64_t deadline_ms,
			struct image_error *error)
{
	size_t nr_before = stopped->nr;
	int ret = seize_threads(stopped, pid, error);

	for (size_t i = nr_before; i < stopped->nr && !ret; i++)
		ret = wait_until_stopped(&stopped->v[i], deadline_ms, error);
	return ret;
}

/*
 * One pass over the tree; 1 if there were threads that are new to us, 0 if not. One process after
 * the other, parents first: after vfork() a parent cannot stop before its child has gone on.
 */
static int stop_new(pid_t root, struct verify_stopped *stopped, int64_t deadline_ms,
		    struct image_error *error)
{
	auto_process_list struct process_list tree = { 0 };
	size_t nr_before = stopped->nr;
	int ret = process_tree(root, &tree);

	if (ret)
		return image_fail(error, ret, "process %d: %s", root,
				  ret == -ESRCH ? "there is none" : strerror(-ret));
	for (size_t i = 0; i < tree.nr && !ret; i++)
		ret = stop_process(stopped, tree.v[i], deadline_ms, error);
	return ret ? ret : stopped->nr > nr_before;
}

/* While a pass finds new threads, others may have been created behind it. */
static int stop_all(pid_t root, struct verify_stopped *stopped, struct image_error *error)
{
	int64_t deadline_ms = now_ms() + VERIFY_STOP_MS;
	int ret;

	do {
		ret = stop_new(root, stopped, deadline_ms, error);
		if (ret > 0 && now_ms() >= deadline_ms)
			return image_fail(error, -ETIMEDOUT,
					  "the tree grows faster than it can be stopped");
	} while (ret > 0);
	return ret;
}

int verify_stop_tree(pid_t root, struct verify_stopped *ret_stopped, struct image_error *error)
{
	auto_verify_stopped struct verify_stopped stopped = { 0 };
	sigset_t child, before;
	int ret;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	ret = stop_all(root, &stopped, error);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return ret;
	*ret_stopped = stopped;
	stopped = (struct verify_stopped){ 0 };
	return 0;
}

/*
 * A thread that has not come to its stop yet (after -ETIMEDOUT) cannot be detached; the kernel
 * lets go of it when this process ends.
 */
void verify_release(struct verify_stopped *stopped)
{
	for (size_t i = 0; i < stopped->nr; i++)
		ptrace(PTRACE_DETACH, stopped->v[i].tid, 0, (long)stopped->v[i].signal);
	free(stopped->v);
	*stopped = (struct verify_stopped){ 0 };
}
