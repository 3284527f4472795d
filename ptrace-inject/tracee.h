/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thread under ptrace: which stop it is in and how to bring it to the next one. Belongs to
 * the helper process of inject_run(); its tracer may not change.
 *
 *   RUNNING --tracee_wait--> EVENT | ENTRY | EXIT | SIGNAL | GONE
 *   a stop --tracee_resume--> RUNNING
 *
 * EVENT  PTRACE_EVENT_STOP: interrupted by us, or a job-control stop, or its end
 * ENTRY, EXIT  of a system call
 * SIGNAL signal-delivery stop: stop_signal is dequeued and in our hands; it must be handed back
 * GONE   the thread has died or executed something; no ptrace call makes sense any more
 *
 * Only the helper's exit lets go of a thread in RUNNING. The kernel then also drops an interrupt
 * that has not taken effect (__ptrace_unlink()).
 */
#ifndef LAZY_WP_PTRACE_INJECT_TRACEE_H
#define LAZY_WP_PTRACE_INJECT_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"

enum tracee_stop {
	TRACEE_RUNNING,
	TRACEE_EVENT,
	TRACEE_ENTRY,
	TRACEE_EXIT,
	TRACEE_SIGNAL,
	TRACEE_GONE,
};

struct tracee {
	pid_t pid, tid;
	enum tracee_stop stop;
	int stop_signal;     /* for TRACEE_SIGNAL */
	bool job_stop;       /* the last TRACEE_EVENT was a job-control stop */
	long syscall_nr;     /* for TRACEE_ENTRY */
	long syscall_result; /* for TRACEE_EXIT */
};

/* CLOCK_MONOTONIC in milliseconds; deadlines below are points on it. */
int64_t tracee_now_ms(void);

/*
 * Makes waiting in this process interruptible by time: an interval timer in the helper alone.
 * SIGALRM must be unblocked there and nothing else. -errno.
 */
int tracee_prepare_waiting(void);

/*
 * A ptrace request of a thread in a stop. Returns the request's result or -errno; with -ESRCH
 * the thread has been killed out of the stop, and stop becomes TRACEE_GONE.
 */
long tracee_request(struct tracee *tracee, int request, uintptr_t address, uintptr_t data);

/* Seizes the thread. -ESRCH, -EPERM as ptrace(2) says them. */
int tracee_seize(struct tracee *tracee);

/* Asks for a TRACEE_EVENT stop; harmless in any state. */
void tracee_interrupt(struct tracee *tracee);

/* Waits for the next stop. -ESRCH (stop is then TRACEE_GONE), -ETIMEDOUT (still RUNNING). */
int tracee_wait(struct tracee *tracee, int64_t deadline_ms);

/*
 * Lets the thread run to its next system call stop of kind wanted (TRACEE_ENTRY or TRACEE_EXIT),
 * passing through job-control stops and handing back the signal that causes one.
 * -ESRCH, -ETIMEDOUT, -EPROTO (some other stop came; the thread is in it).
 */
int tracee_run_to(struct tracee *tracee, enum tracee_stop wanted, int64_t deadline_ms);

/*
 * Lets a stopped thread run on, handing back the signal of a TRACEE_SIGNAL stop. It is detached
 * when the helper has exited, which must follow at once. In a job-control stop it is again before
 * this returns.
 */
void tracee_let_go(struct tracee *tracee);

/* General registers. -ESRCH or another -errno of ptrace(2). */
int tracee_get_registers(struct tracee *tracee, struct arch_registers *ret_registers);
int tracee_set_registers(struct tracee *tracee, const struct arch_registers *registers);

#endif
