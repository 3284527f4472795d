// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/task-status.h"
#include "ptrace-inject/tracee.h"

/* How often a wait looks at the clock and for a leader that is a zombie beside live threads. */
#define WAIT_TICK_MS 20
/* A thread that was continued at the last moment is waited for in vain. */
#define STOP_AGAIN_MS 1000
#define STOP_LOOK_US  50

#define SYSCALL_STOP     (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define EVENT_OF(status) ((status) >> 16)

int64_t tracee_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_tick(int signal)
{
	(void)signal;
}

/*
 * waitpid() knows no deadline, a pidfd does not tell of ptrace stops, and SIGCHLD is not sent when
 * another thread's exec takes a thread away. So waitpid() blocks and an interval timer makes it
 * return now and then: being periodic, a tick just before waitpid() blocks costs nothing.
 */
int tracee_prepare_waiting(void)
{
	const struct itimerval interval = {
		.it_interval.tv_usec = WAIT_TICK_MS * 1000,
		.it_value.tv_usec = WAIT_TICK_MS * 1000,
	};
	struct sigaction action = { .sa_handler = on_tick };
	sigset_t only_ticks;

	sigfillset(&only_ticks);
	sigdelset(&only_ticks, SIGALRM);
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &interval, NULL) ||
	    sigprocmask(SIG_SETMASK, &only_ticks, NULL))
		return -errno;
	return 0;
}

long tracee_request(struct tracee *tracee, int request, uintptr_t address, uintptr_t data)
{
	long result;

	if (tracee->stop == TRACEE_GONE)
		return -ESRCH;
	errno = 0;
	result = ptrace(request, tracee->tid, address, data);
	if (result != -1 || !errno)
		return result;
	if (errno == ESRCH && tracee->stop != TRACEE_RUNNING)
		tracee->stop = TRACEE_GONE;
	return -errno;
}

int tracee_seize(struct tracee *tracee)
{
	tracee->stop = TRACEE_RUNNING;
	tracee->job_stop = false;
	return (int)tracee_request(tracee, PTRACE_SEIZE, 0, PTRACE_O_TRACESYSGOOD);
}

void tracee_interrupt(struct tracee *tracee)
{
	tracee_request(tracee, PTRACE_INTERRUPT, 0, 0);
}

/* Entry and exit look alike in the wait status; the kernel tells them apart since 5.3. */
static int identify_syscall_stop(struct tracee *tracee)
{
	struct __ptrace_syscall_info info;
	long len;

	tracee->stop = TRACEE_EVENT;
	len = tracee_request(tracee, PTRACE_GET_SYSCALL_INFO, sizeof(info), (uintptr_t)&info);
	if (len < 0)
		return (int)len;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		tracee->stop = TRACEE_ENTRY;
		tracee->syscall_nr = (long)info.entry.nr;
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		tracee->stop = TRACEE_EXIT;
		tracee->syscall_result = (long)info.exit.rval;
	} else {
		return -EPROTO;
	}
	return 0;
}

static int identify_stop(struct tracee *tracee, int status)
{
	if (!WIFSTOPPED(status)) {
		tracee->stop = TRACEE_GONE;
		return -ESRCH;
	}
	if (WSTOPSIG(status) == SYSCALL_STOP)
		return identify_syscall_stop(tracee);
	if (EVENT_OF(status) == PTRACE_EVENT_STOP) {
		tracee->stop = TRACEE_EVENT;
		tracee->job_stop = WSTOPSIG(status) != SIGTRAP;
	} else {
		tracee->stop = TRACEE_SIGNAL;
		tracee->stop_signal = WSTOPSIG(status);
	}
	return 0;
}

int tracee_wait(struct tracee *tracee, int64_t deadline_ms)
{
	while (tracee->stop == TRACEE_RUNNING) {
		int status;
		pid_t waited = waitpid(tracee->tid, &status, __WALL);

		if (waited == tracee->tid)
			return identify_stop(tracee, status);
		if (waited < 0 && errno != EINTR)
			break; /* ECHILD: another thread's exec took this one away */
		/* A leader that exits before its threads is reported only after them. */
		if (inject_task_is_dead(tracee->pid, tracee->tid))
			break;
		if (tracee_now_ms() >= deadline_ms)
			return -ETIMEDOUT;
	}
	tracee->stop = TRACEE_GONE;
	return -ESRCH;
}

static int resume(struct tracee *tracee)
{
	int signal = tracee->stop == TRACEE_SIGNAL ? tracee->stop_signal : 0;
	long error = tracee_request(tracee, PTRACE_SYSCALL, 0, (uintptr_t)signal);

	if (error)
		return (int)error;
	tracee->stop = TRACEE_RUNNING;
	return 0;
}

/*
 * All signals being blocked, only SIGSTOP can still be delivered: hand it back, the group stop
 * follows as an event stop, and a seized thread may be run on from there. The other threads are
 * stopped by it as they should, and this one is when it is let go.
 * Any other signal was forced by a fault of the thread: the code we point it at has gone.
 */
int tracee_run_to(struct tracee *tracee, enum tracee_stop wanted, int64_t deadline_ms)
{
	int error;

	do {
		error = resume(tracee);
		if (error)
			return error;
		error = tracee_wait(tracee, deadline_ms);
		if (error)
			return error;
		if (tracee->stop == TRACEE_SIGNAL && tracee->stop_signal != SIGSTOP) {
			tracee->stop_signal = 0;
			return -EPROTO;
		}
	} while (tracee->stop == TRACEE_EVENT || tracee->stop == TRACEE_SIGNAL);
	return tracee->stop == wanted ? 0 : -EPROTO;
}

/*
 * A thread that is detached in a job-control stop runs until it is in that stop again. Whoever seizes and
 * interrupts it before finds it in one stop, not two one after the other, and CRIU (compel's
 * skip_sigstop()), which runs it on to the second, would run it on for good.
 */
static void await_job_stop(const struct tracee *tracee)
{
	int64_t deadline_ms = tracee_now_ms() + STOP_AGAIN_MS;
	struct inject_task_status status;

	while (!inject_task_status(tracee->pid, tracee->tid, &status) &&
	       (status.state == 'R' || status.state == 't') && tracee_now_ms() < deadline_ms)
		usleep(STOP_LOOK_US);
}

/*
 * PTRACE_DETACH leaves the thread with TIF_SIGPENDING (__ptrace_unlink()). On its way to user mode
 * that is cleared, but a system call about to be entered would be interrupted by it once more,
 * and the likes of epoll_wait() return EINTR. So there the thread is only resumed; the helper's
 * exit detaches it running. A signal that stops it in between is delivered then (ptrace(2)).
 */
void tracee_let_go(struct tracee *tracee)
{
	int signal = tracee->stop == TRACEE_SIGNAL ? tracee->stop_signal : 0;
	bool stops = tracee->job_stop || signal == SIGSTOP;
	int request = tracee->stop == TRACEE_ENTRY && !stops ? PTRACE_CONT : PTRACE_DETACH;
	long error = tracee_request(tracee, request, 0, (uintptr_t)signal);

	tracee->stop = TRACEE_GONE;
	if (stops && !error)
		await_job_stop(tracee);
}

int tracee_get_registers(struct tracee *tracee, struct arch_registers *ret_registers)
{
	struct arch_registers registers = { 0 };
	struct iovec iov = { .iov_base = registers.word, .iov_len = sizeof(registers.word) };
	long error = tracee_request(tracee, PTRACE_GETREGSET, NT_PRSTATUS, (uintptr_t)&iov);

	if (error)
		return (int)error;
	registers.len_bytes = iov.iov_len;
	*ret_registers = registers;
	return 0;
}

int tracee_set_registers(struct tracee *tracee, const struct arch_registers *registers)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)registers->word,
			     .iov_len = registers->len_bytes };

	return (int)tracee_request(tracee, PTRACE_SETREGSET, NT_PRSTATUS, (uintptr_t)&iov);
}
