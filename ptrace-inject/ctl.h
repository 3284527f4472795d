/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task under injection: what it looked like and how to put it back. Internal to ptrace-inject/.
 *
 * inject_ctl_attach() leaves the thread in a stop, its signals blocked, seccomp and system call
 * dispatch off; from then on until inject_ctl_restore() it may be made to run system calls. What
 * to restore is always a program about to execute its next instruction, in one of two forms:
 * - preempted: it was in user mode, or a system call had just returned: the registers found.
 * - reenter: it was inside a system call that restarts. It is run on to the entry of the restarted
 *   call, which is skipped; at the end it enters that call again and is let go at the entry, with
 *   its signal mask back. That the kernel itself does the restart makes the remaining time of a
 *   sleep right (restart_syscall keeps it). That signals are unblocked only inside the call lets
 *   pause() end with EINTR when one came meanwhile, and lets the temporary mask of sigsuspend() or
 *   ppoll() decide which one may come, not the outer mask.
 */
#ifndef LAZY_WP_PTRACE_INJECT_CTL_H
#define LAZY_WP_PTRACE_INJECT_CTL_H

#include "ptrace-inject/tracee.h"

/* The SVE set at the largest vector length of the architecture has 8.8 KiB. */
#define INJECT_VOLATILE_SET_MAX_BYTES (16 * 1024)
#define INJECT_VOLATILE_SETS_MAX      2

/* In <linux/ptrace.h>, which cannot be included beside <sys/ptrace.h>. */
#define INJECT_SET_DISPATCH 0x4210 /* Linux 6.4: PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG */
#define INJECT_GET_DISPATCH 0x4211

/* struct ptrace_sud_config. */
struct inject_dispatch_config {
	uint64_t mode, selector, offset, len;
};

struct inject_volatile_set {
	size_t len_bytes; /* 0: not there, or not in use */
	uint8_t bytes[INJECT_VOLATILE_SET_MAX_BYTES];
};

struct inject_ctl {
	struct tracee tracee;
	const struct arch_ops *arch;
	int64_t deadline_ms;
	uint64_t syscall_instruction; /* address in the task */
	struct arch_registers user;   /* what the program must find */
	bool altered; /* the task has, or may have, registers that are not its own */
	bool reenter;
	bool mask_saved, dispatch_saved;
	uint64_t mask; /* as the program set it, not the temporary one of ppoll() and friends */
	struct inject_dispatch_config dispatch;
	struct inject_volatile_set volatile_set[INJECT_VOLATILE_SETS_MAX];
};

/*
 * Stops thread tid of pid. ctl is all zero before. Errors as inject_run();
 * inject_ctl_restore() must follow in any case.
 */
int inject_ctl_attach(struct inject_ctl *ctl, pid_t pid, pid_t tid);

/*
 * Stops thread tid of pid for a moment and lets it go again; nothing of it is changed but what a
 * stop itself would show (see restart_instead_of_eintr of arch.h). -ESRCH, -EBUSY, -EPERM,
 * -ETIMEDOUT.
 */
int inject_ctl_pass(pid_t pid, pid_t tid);

/*
 * Of a thread in a TRACEE_EVENT stop: where only the stop has ended its system call, the call will
 * be restarted. -ESRCH.
 */
int inject_hide_eintr(struct tracee *tracee);

/*
 * Puts everything back and lets the task go. -EIO when the task is alive but could not be stopped
 * within INJECT_RECOVERY_MS and will run on with our registers or signal mask.
 */
int inject_ctl_restore(struct inject_ctl *ctl);

/*
 * Brings the task to a stop from which it may be pointed anywhere, after a call that failed.
 * -ESRCH, -ETIMEDOUT.
 */
int inject_ctl_regain(struct inject_ctl *ctl);

/* Writes general registers; the kernel shall see no system call in them, finished or not. */
int inject_ctl_write_registers(struct inject_ctl *ctl, const struct arch_registers *registers);

/* Register sets that a system call may destroy (arch_ops.volatile_notes). -errno. */
int inject_ctl_save_volatile(struct inject_ctl *ctl);
int inject_ctl_restore_volatile(struct inject_ctl *ctl);

/* Signal mask: saved and all blocked; put back. -errno. */
int inject_ctl_block_signals(struct inject_ctl *ctl);
int inject_ctl_restore_signals(struct inject_ctl *ctl);

/* Syscall User Dispatch (prctl(2), PR_SET_SYSCALL_USER_DISPATCH): off; put back. -errno. */
int inject_ctl_disable_dispatch(struct inject_ctl *ctl);
int inject_ctl_restore_dispatch(struct inject_ctl *ctl);

/* Suspends the seccomp filters of the stopped thread, until it is let go. -EACCES. */
int inject_ctl_suspend_seccomp(struct inject_ctl *ctl);

#endif
