// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/task-status.h"

#define ALL_SIGNALS UINT64_MAX
/*
 * The start of struct user_sve_header, which both volatile sets of arm64 begin with. What the
 * kernel says that it has filled in is the set at its largest; size is what there is of it, the
 * header alone for a set that is not in use, and more than that may not be written back.
 */
struct volatile_set_header {
	uint32_t size, max_size;
	uint16_t vl, max_vl, flags, reserved;
};

int inject_ctl_write_registers(struct inject_ctl *ctl, const struct arch_registers *registers)
{
	int none = -1;
	struct iovec iov = { .iov_base = &none, .iov_len = sizeof(none) };
	int error = tracee_set_registers(&ctl->tracee, registers);

	if (error || !ctl->arch->syscall_number_note)
		return error;
	return (int)tracee_request(&ctl->tracee, PTRACE_SETREGSET,
				   (uintptr_t)ctl->arch->syscall_number_note, (uintptr_t)&iov);
}

/* 0 for a set that is not in use. -EPROTO: a header of another kind. */
static ssize_t used_bytes(const struct inject_volatile_set *set, size_t filled)
{
	struct volatile_set_header header;

	if (filled < sizeof(header))
		return -EPROTO;
	memcpy(&header, set->bytes, sizeof(header));
	if (header.size < sizeof(header) || header.size > filled)
		return -EPROTO;
	return header.size == sizeof(header) ? 0 : header.size;
}

int inject_ctl_save_volatile(struct inject_ctl *ctl)
{
	const int *note = ctl->arch->volatile_notes;

	for (int i = 0; note[i]; i++) {
		struct inject_volatile_set *set = &ctl->volatile_set[i];
		struct iovec iov = { .iov_base = set->bytes, .iov_len = sizeof(set->bytes) };
		long error = tracee_request(&ctl->tracee, PTRACE_GETREGSET, (uintptr_t)note[i],
					    (uintptr_t)&iov);
		ssize_t used;

		if (error == -ESRCH)
			return -ESRCH;
		if (error) /* a processor without it, or a kernel that never heard of it */
			continue;
		used = used_bytes(set, iov.iov_len);
		if (used < 0)
			return (int)used;
		set->len_bytes = (size_t)used;
	}
	return 0;
}

int inject_ctl_restore_volatile(struct inject_ctl *ctl)
{
	const int *note = ctl->arch->volatile_notes;

	for (int i = 0; note[i]; i++) {
		struct inject_volatile_set *set = &ctl->volatile_set[i];
		struct iovec iov = { .iov_base = set->bytes, .iov_len = set->len_bytes };
		long error;

		if (!set->len_bytes)
			continue;
		error = tracee_request(&ctl->tracee, PTRACE_SETREGSET, (uintptr_t)note[i],
				       (uintptr_t)&iov);
		if (error)
			return (int)error;
	}
	return 0;
}

/*
 * PTRACE_GETSIGMASK gives the program's own mask even while a temporary one is in force, and
 * PTRACE_SETSIGMASK cancels the return to it (kernel/ptrace.c: clear_tsk_restore_sigmask()).
 * Both suit: the restarted call installs its temporary mask anew.
 */
int inject_ctl_block_signals(struct inject_ctl *ctl)
{
	uint64_t mask, all = ALL_SIGNALS;
	long error = tracee_request(&ctl->tracee, PTRACE_GETSIGMASK, sizeof(mask),
				    (uintptr_t)&mask);

	if (error)
		return (int)error;
	ctl->mask = mask;
	ctl->mask_saved = true;
	return (int)tracee_request(&ctl->tracee, PTRACE_SETSIGMASK, sizeof(all), (uintptr_t)&all);
}

int inject_ctl_restore_signals(struct inject_ctl *ctl)
{
	if (!ctl->mask_saved)
		return 0;
	return (int)tracee_request(&ctl->tracee, PTRACE_SETSIGMASK, sizeof(ctl->mask),
				   (uintptr_t)&ctl->mask);
}

/* A dispatched call would end in a forced SIGSYS, which kills whoever has it blocked. */
int inject_ctl_disable_dispatch(struct inject_ctl *ctl)
{
	struct inject_dispatch_config off = { 0 };
	long error = tracee_request(&ctl->tracee, INJECT_GET_DISPATCH, sizeof(ctl->dispatch),
				    (uintptr_t)&ctl->dispatch);

	if (error == -ESRCH)
		return -ESRCH;
	if (error || !ctl->dispatch.mode) /* not on this architecture, or not used */
		return 0;
	ctl->dispatch_saved = true;
	return (int)tracee_request(&ctl->tracee, INJECT_SET_DISPATCH, sizeof(off), (uintptr_t)&off);
}

int inject_ctl_restore_dispatch(struct inject_ctl *ctl)
{
	if (!ctl->dispatch_saved)
		return 0;
	return (int)tracee_request(&ctl->tracee, INJECT_SET_DISPATCH, sizeof(ctl->dispatch),
				   (uintptr_t)&ctl->dispatch);
}

/*
 * Asked for only where needed, since it takes CAP_SYS_ADMIN and a tracer without seccomp; without
 * it a filter might kill the task for the call, so there is no going on.
 */
int inject_ctl_suspend_seccomp(struct inject_ctl *ctl)
{
	struct inject_task_status status;
	long error = inject_task_status(ctl->tracee.pid, ctl->tracee.tid, &status);

	if (error || !status.seccomp)
		return (int)error;
	error = tracee_request(&ctl->tracee, PTRACE_SETOPTIONS, 0,
			       PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP);
	return error == -ESRCH ? -ESRCH : error ? -EACCES : 0;
}
