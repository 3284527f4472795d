// SPDX-License-Identifier: GPL-2.0-only
#include "ptrace-inject/hold.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"
#include "util/process.h"

/* See seize(). */
#define ALARM_US    20000
#define HANG_ALARMS 100

static struct hold *seizing;
static volatile sig_atomic_t alarms;

/* What a tracee last did, looked at only; si_pid is 0 for nothing. -1: it is no tracee any more. */
static int peek(const struct tracee *tracee, siginfo_t *info)
{
	info->si_pid = 0;
	return waitid(P_PID, (id_t)tracee->tid, info,
		      WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL);
}

static bool is_death(const siginfo_t *info)
{
	return info->si_pid && info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED;
}

/* Of the dead the tracer must take note, or their process would wait in an exec forever. */
static void reap(struct tracee *tracee)
{
	waitpid(tracee->tid, NULL, WNOHANG | __WALL);
	tracee->stop = TRACEE_GONE;
}

static void on_alarm(int signal)
{
	int error = errno;
	siginfo_t info;

	(void)signal;
	if (alarms++ == HANG_ALARMS)
		_exit(1);
	for (size_t i = 0; i < seizing->nr; i++)
		if (!peek(&seizing->v[i], &info) && is_death(&info))
			reap(&seizing->v[i]);
	errno = error;
}

/*
 * PTRACE_SEIZE of a thread that is in exec waits for it, and the exec for the end of the threads
 * that are held, of which we must take note: from a signal handler. Each by itself: a wait for
 * any child consumes stops of tracees as well, whatever its options (kernel/exit.c, "Traditionally
 * we see ptrace'd stopped tasks"), and with them their signals. If that does not help, our end does.
 */
static int seize(struct tracee *tracee)
{
	const struct itimerval often = { { 0, ALARM_US }, { 0, ALARM_US } }, never = { 0 };
	int error;

	alarms = 0;
	setitimer(ITIMER_REAL, &often, NULL);
	error = tracee_seize(tracee);
	setitimer(ITIMER_REAL, &never, NULL);
	return error;
}

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
	if (status.tracer || status.state != 'R' || seize(&tracee))
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
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	auto_process_list struct process_list tree = { 0 };
	int ret = process_tree(root, &tree);

	seizing = hold;
	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < tree.nr && !ret; i++)
		ret = look_at_process(hold, tree.v[i]);
	return ret;
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
	siginfo_t info;

	if (peek(tracee, &info))
		tracee->stop = TRACEE_GONE; /* another thread's exec took it away */
	else if (is_death(&info))
		reap(tracee);
	else if (info.si_pid && tracee->stop == TRACEE_RUNNING)
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
