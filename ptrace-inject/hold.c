// SPDX-License-Identifier: GPL-2.0-only
#include "ptrace-inject/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"
#include "util/process.h"

static bool is_known(const struct hold *hold, pid_t tid)
{
	for (size_t i = 0; i < hold->nr; i++)
		if (hold->v[i].tid == tid)
			return true;
	return false;
}

static int append(struct hold *hold, const struct tracee *tracee)
{
	if (hold->nr == hold->cap) {
		size_t cap = hold->cap ? 2 * hold->cap : 64;
		struct tracee *v = reallocarray(hold->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		hold->v = v;
		hold->cap = cap;
	}
	hold->v[hold->nr++] = *tracee;
	return 0;
}

/*
 * After an exec a thread of ours has the leader's number. Whatever else is against a seizure, it
 * is tried again at the next look if it still makes sense then.
 */
static int look_at_thread(struct hold *hold, pid_t pid, pid_t tid)
{
	struct tracee tracee = { .pid = pid, .tid = tid, .stop = TRACEE_RUNNING };
	struct inject_task_status status;

	if (inject_task_status(pid, tid, &status) || is_known(hold, tid))
		return 0;
	if (status.tracer == getpid())
		return append(hold, &tracee);
	if (status.tracer || status.state != 'R' || tracee_seize(&tracee))
		return 0;
	tracee_interrupt(&tracee);
	return append(hold, &tracee);
}

static int look_at_process(struct hold *hold, pid_t pid)
{
	auto_process_list struct process_list threads = { 0 };
	int ret = 0;

	process_threads(pid, &threads); /* none if it is gone */
	for (size_t i = 0; i < threads.nr && !ret; i++)
		ret = look_at_thread(hold, pid, threads.v[i]);
	return ret;
}

int hold_look(struct hold *hold, pid_t root)
{
	auto_process_list struct process_list tree = { 0 };
	int ret = process_tree(root, &tree);

	for (size_t i = 0; i < tree.nr && !ret; i++)
		ret = look_at_process(hold, tree.v[i]);
	return ret;
}

/* Of the dead the tracer must take note, or their process would wait in an exec forever. */
static void reap(struct tracee *tracee)
{
	waitpid(tracee->tid, NULL, WNOHANG | __WALL);
	tracee->stop = TRACEE_GONE;
}

static void note_stop(struct tracee *tracee, int status)
{
	if (status >> 8 == PTRACE_EVENT_STOP) {
		tracee->stop = TRACEE_EVENT;
		inject_hide_eintr(tracee);
	} else {
		tracee->stop = TRACEE_SIGNAL;
		tracee->stop_signal = status & 0xff;
	}
}

static void settle(struct tracee *tracee)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)tracee->tid, &info,
		   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL)) {
		tracee->stop = TRACEE_GONE; /* another thread's exec took it away */
		return;
	}
	if (!info.si_pid)
		return;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		reap(tracee);
	else if (tracee->stop == TRACEE_RUNNING)
		note_stop(tracee, info.si_status);
}

static void forget_gone(struct hold *hold)
{
	size_t nr = 0;

	for (size_t i = 0; i < hold->nr; i++)
		if (hold->v[i].stop != TRACEE_GONE)
			hold->v[nr++] = hold->v[i];
	hold->nr = nr;
}

void hold_settle(struct hold *hold)
{
	for (size_t i = 0; i < hold->nr; i++)
		settle(&hold->v[i]);
	forget_gone(hold);
}

bool hold_is_unsettled(const struct hold *hold)
{
	for (size_t i = 0; i < hold->nr; i++)
		if (hold->v[i].stop == TRACEE_RUNNING)
			return true;
	return false;
}

/* A thread that was killed meanwhile is left for hold_settle() to reap. */
static void release(struct tracee *tracee)
{
	int signal = tracee->stop == TRACEE_SIGNAL ? tracee->stop_signal : 0;

	if (tracee->stop == TRACEE_RUNNING)
		return;
	if (ptrace(PTRACE_DETACH, tracee->tid, 0, (long)signal))
		tracee->stop = TRACEE_RUNNING;
	else
		tracee->stop = TRACEE_GONE;
}

void hold_release(struct hold *hold)
{
	for (size_t i = 0; i < hold->nr; i++)
		release(&hold->v[i]);
	forget_gone(hold);
}
