// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/inject.h"
#include "ptrace-inject/task-code.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"

/* Each takes microseconds; a refusal that is meant comes back every time. */
#define SEIZE_ATTEMPTS 20

/* The kernel says EPERM for several things that a caller must tell apart. */
static int why_not_seized(pid_t pid, pid_t tid, int error)
{
	struct inject_task_status status;

	if (inject_task_is_dead(pid, tid))
		return -ESRCH;
	if (error == -EPERM && !inject_task_status(pid, tid, &status) && status.tracer)
		return -EBUSY;
	return error;
}

/*
 * A signal may be dequeued already when the interrupt is asked for. It is delivered first: its
 * handler's frame is then set up, and the next stop finds the thread at the handler's start.
 * Every stop drops a pending interrupt (ptrace_stop()), so it is asked for again.
 */
static int wait_for_interrupt(struct tracee *tracee, int64_t deadline_ms)
{
	for (;;) {
		int error = tracee_wait(tracee, deadline_ms);

		if (error)
			return error;
		if (tracee->stop == TRACEE_EVENT)
			return 0;
		if (tracee->stop != TRACEE_SIGNAL)
			return -EPROTO;
		tracee_interrupt(tracee);
		error = (int)tracee_request(tracee, PTRACE_CONT, 0, (uintptr_t)tracee->stop_signal);
		if (error)
			return error;
		tracee->stop = TRACEE_RUNNING;
	}
}

static void read_code_around(int memory, uint64_t address, uint8_t ret_code[ARCH_CODE_LEN])
{
	memset(ret_code, 0, ARCH_CODE_LEN);
	if (pread(memory, ret_code, ARCH_CODE_LEN, (off_t)(address - ARCH_CODE_BEFORE)) < 0)
		memset(ret_code, 0, ARCH_CODE_LEN);
}

/* See ctl.h, "reenter". stopped: the registers at the interrupt. */
static int run_on_to_restart(struct inject_ctl *ctl, const struct arch_registers *stopped)
{
	struct arch_registers entered;
	int error = tracee_run_to(&ctl->tracee, TRACEE_ENTRY, ctl->deadline_ms);

	if (error)
		return error;
	error = tracee_get_registers(&ctl->tracee, &entered);
	if (error)
		return error;
	ctl->user = entered;
	ctl->arch->rewind_syscall(&ctl->user, stopped);
	ctl->reenter = true;
	ctl->altered = true;
	ctl->arch->cancel_syscall(&entered);
	error = inject_ctl_write_registers(ctl, &entered);
	if (error)
		return error;
	return tracee_run_to(&ctl->tracee, TRACEE_EXIT, ctl->deadline_ms);
}

/* Done before anything that may refuse: the task is to see no EINTR in that case either. */
static int hide_eintr(struct tracee *tracee, struct arch_registers *stopped,
		      const uint8_t code[ARCH_CODE_LEN])
{
	if (!arch_native()->restart_instead_of_eintr(stopped, code))
		return 0;
	return tracee_set_registers(tracee, stopped);
}

static int keep_user_state(struct inject_ctl *ctl, int memory, const struct arch_registers *stopped)
{
	uint64_t address = ctl->arch->instruction_pointer(stopped);

	ctl->user = *stopped;
	ctl->arch->set_instruction_pointer(&ctl->user,
					   inject_abort_rseq(ctl->tracee.tid, memory, address));
	return inject_ctl_save_volatile(ctl);
}

static int silence(struct inject_ctl *ctl)
{
	int error = inject_ctl_suspend_seccomp(ctl);

	if (!error)
		error = inject_ctl_block_signals(ctl);
	if (!error)
		error = inject_ctl_disable_dispatch(ctl);
	return error;
}

/*
 * EPERM is also the answer for a leader that has just died because another thread executes a
 * program and takes its place. By the time its status says alive it is the new one: try again,
 * and not only once, since that may be doing the same.
 */
static int seize(struct tracee *tracee)
{
	int error = -EPERM;

	for (int i = 0; i < SEIZE_ATTEMPTS && error == -EPERM; i++) {
		error = tracee_seize(tracee);
		if (error)
			error = why_not_seized(tracee->pid, tracee->tid, error);
	}
	if (error)
		tracee->stop = TRACEE_GONE;
	return error;
}

static int stop_thread(struct inject_ctl *ctl)
{
	struct tracee *tracee = &ctl->tracee;
	int error = seize(tracee);

	if (error)
		return error;
	tracee_interrupt(tracee);
	return wait_for_interrupt(tracee, ctl->deadline_ms);
}

/* From the stop to the state in which system calls may be run. */
static int take_over(struct inject_ctl *ctl, int memory, struct arch_registers *stopped)
{
	uint8_t code[ARCH_CODE_LEN];
	int error;

	read_code_around(memory, ctl->arch->instruction_pointer(stopped), code);
	error = hide_eintr(&ctl->tracee, stopped, code);
	if (!error)
		error = inject_find_syscall_instruction(ctl->tracee.tid, memory, ctl->arch,
							&ctl->syscall_instruction);
	if (!error)
		error = silence(ctl);
	if (error)
		return error;
	if (ctl->arch->restarts_syscall(stopped, code))
		return run_on_to_restart(ctl, stopped);
	return keep_user_state(ctl, memory, stopped);
}

int inject_ctl_attach(struct inject_ctl *ctl, pid_t pid, pid_t tid)
{
	struct arch_registers stopped;
	auto_close int memory = -1;
	int error;

	ctl->tracee.pid = pid;
	ctl->tracee.tid = tid;
	ctl->arch = arch_native();
	ctl->deadline_ms = tracee_now_ms() + INJECT_DEADLINE_MS;
	error = stop_thread(ctl);
	if (!error)
		error = tracee_get_registers(&ctl->tracee, &stopped);
	if (error)
		return error;
	if (!ctl->arch->is_native(&stopped))
		return -ENOEXEC;
	memory = inject_open_memory(tid);
	error = memory < 0 ? memory : take_over(ctl, memory, &stopped);
	/* Without its memory a task killed meanwhile fails in odd ways; say what really is. */
	if (error && ctl->tracee.stop != TRACEE_RUNNING &&
	    tracee_get_registers(&ctl->tracee, &stopped) == -ESRCH)
		return -ESRCH;
	return error;
}

int inject_hide_eintr(struct tracee *tracee)
{
	const struct arch_ops *arch = arch_native();
	struct arch_registers stopped;
	uint8_t code[ARCH_CODE_LEN];
	int error = tracee_get_registers(tracee, &stopped);
	auto_close int memory = error ? -1 : inject_open_memory(tracee->tid);

	if (memory < 0 || !arch->is_native(&stopped))
		return error;
	read_code_around(memory, arch->instruction_pointer(&stopped), code);
	return hide_eintr(tracee, &stopped, code);
}

int inject_ctl_pass(pid_t pid, pid_t tid)
{
	struct inject_ctl ctl = {
		.tracee = { .pid = pid, .tid = tid },
		.deadline_ms = tracee_now_ms() + INJECT_DEADLINE_MS,
	};
	int error = stop_thread(&ctl);

	if (error) /* never stopped: the end of the helper lets go of it */
		return error;
	error = inject_hide_eintr(&ctl.tracee);
	tracee_let_go(&ctl.tracee);
	return error;
}

int inject_ctl_regain(struct inject_ctl *ctl)
{
	int64_t deadline_ms = tracee_now_ms() + INJECT_RECOVERY_MS;
	struct arch_registers registers;
	int error;

	if (ctl->tracee.stop == TRACEE_RUNNING) {
		tracee_interrupt(&ctl->tracee);
		error = tracee_wait(&ctl->tracee, deadline_ms);
		if (error)
			return error;
	}
	/* While the registers are its own, an entry is the program's: it shall go on. */
	if (ctl->tracee.stop != TRACEE_ENTRY || !ctl->altered)
		return ctl->tracee.stop == TRACEE_GONE ? -ESRCH : 0;
	error = tracee_get_registers(&ctl->tracee, &registers);
	if (error)
		return error;
	ctl->arch->cancel_syscall(&registers);
	error = inject_ctl_write_registers(ctl, &registers);
	return error ? error : tracee_run_to(&ctl->tracee, TRACEE_EXIT, deadline_ms);
}

static int restore_registers(struct inject_ctl *ctl)
{
	int error = inject_ctl_write_registers(ctl, &ctl->user);

	if (!error)
		error = inject_ctl_restore_volatile(ctl);
	if (error)
		return error;
	ctl->altered = false;
	if (!ctl->reenter)
		return 0;
	error = tracee_run_to(&ctl->tracee, TRACEE_ENTRY, tracee_now_ms() + INJECT_DEADLINE_MS);
	/* Frozen just now: the program's registers are right already, its mask is not yet. */
	return error == -ETIMEDOUT ? inject_ctl_regain(ctl) : error;
}

static int restore_stopped(struct inject_ctl *ctl)
{
	int error = ctl->altered ? restore_registers(ctl) : 0;

	if (!error)
		error = inject_ctl_restore_dispatch(ctl);
	if (!error)
		error = inject_ctl_restore_signals(ctl);
	return error;
}

int inject_ctl_restore(struct inject_ctl *ctl)
{
	bool touched = ctl->altered || ctl->mask_saved;
	int error;

	/* Never stopped: the end of the helper lets go of it. */
	if (ctl->tracee.stop == TRACEE_GONE || (ctl->tracee.stop == TRACEE_RUNNING && !touched))
		return 0;
	error = inject_ctl_regain(ctl);
	if (!error)
		error = restore_stopped(ctl);
	if (error == -ESRCH)
		return 0;
	tracee_let_go(&ctl->tracee);
	return error ? -EIO : 0;
}
