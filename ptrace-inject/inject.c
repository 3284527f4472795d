// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/helper.h"
#include "ptrace-inject/inject.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"
#include "util/fault.h"

#define PIDFD_OF_THREAD O_EXCL /* PIDFD_THREAD, Linux 6.9 */

struct inject_request {
	pid_t pid, tid;
	int (*operation)(struct inject_ctl *ctl, void *argument);
	void *argument;
};

struct userfaultfd_request {
	int flags;
	int fd;
};

static int attach_and_operate(void *argument)
{
	struct inject_request *request = argument;
	struct inject_ctl ctl = { 0 };
	int error = inject_ctl_attach(&ctl, request->pid, request->tid);

	fault_point("attach-after");
	if (!error)
		error = request->operation(&ctl, request->argument);
	if (inject_ctl_restore(&ctl))
		error = -EIO;
	fault_point("release-after");
	return error;
}

int inject_run(pid_t pid, int (*operation)(struct inject_ctl *ctl, void *argument), void *argument)
{
	struct inject_request request = {
		.pid = pid,
		.operation = operation,
		.argument = argument,
	};

	request.tid = inject_choose_thread(pid);
	if (request.tid < 0)
		return request.tid;
	return inject_in_helper(attach_and_operate, &request, -EIO);
}

int inject_syscall(struct inject_ctl *ctl, long nr, const uint64_t arguments[6], long *ret_result)
{
	struct arch_registers registers;
	int error = inject_ctl_regain(ctl);

	if (error)
		return error;
	fault_point("inject-before");
	registers = ctl->user;
	ctl->arch->prepare_syscall(&registers, ctl->syscall_instruction, nr, arguments);
	ctl->altered = true;
	error = inject_ctl_write_registers(ctl, &registers);
	if (!error)
		error = tracee_run_to(&ctl->tracee, TRACEE_ENTRY, ctl->deadline_ms);
	if (!error && ctl->tracee.syscall_nr != nr)
		error = -EPROTO;
	fault_point("inject-entry");
	/* Once begun it does not block, and what it created must not be lost sight of. */
	if (!error)
		error = tracee_run_to(&ctl->tracee, TRACEE_EXIT,
				      tracee_now_ms() + INJECT_RECOVERY_MS);
	fault_point("inject-after");
	if (!error)
		*ret_result = ctl->tracee.syscall_result;
	return error;
}

static int fetch_descriptor(int pidfd, int remote_fd)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote_fd, 0);

	return fd < 0 ? inject_own_error(-errno) : fd;
}

/*
 * Frozen at the wrong moment, the task may fail to run close() in time. It is altered already
 * and must be waited for anyway, so the call gets a second chance: no descriptor stays behind.
 * What close() itself answers does not matter; after it the number is free.
 */
static int close_remote(struct inject_ctl *ctl, int remote_fd)
{
	const uint64_t arguments[6] = { (uint64_t)remote_fd };
	long result;
	int error = inject_syscall(ctl, ctl->arch->nr_close, arguments, &result);

	if (!error || error == -ESRCH)
		return error;
	ctl->deadline_ms = tracee_now_ms() + INJECT_RECOVERY_MS;
	return inject_syscall(ctl, ctl->arch->nr_close, arguments, &result);
}

static int create_and_fetch(struct inject_ctl *ctl, void *argument)
{
	struct userfaultfd_request *request = argument;
	const uint64_t arguments[6] = { (uint64_t)(request->flags | O_CLOEXEC) };
	unsigned int pidfd_flags = ctl->tracee.tid == ctl->tracee.pid ? 0 : PIDFD_OF_THREAD;
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, ctl->tracee.tid, pidfd_flags);
	long remote_fd;
	int error;

	if (pidfd < 0)
		return inject_own_error(-errno);
	error = inject_syscall(ctl, ctl->arch->nr_userfaultfd, arguments, &remote_fd);
	if (error)
		return error;
	if (remote_fd < 0)
		return (int)remote_fd;
	request->fd = fetch_descriptor(pidfd, (int)remote_fd);
	error = close_remote(ctl, (int)remote_fd);
	return request->fd < 0 ? request->fd : error;
}

int inject_userfaultfd(pid_t pid, int flags, int *ret_fd)
{
	struct userfaultfd_request request = { .flags = flags, .fd = -1 };
	int error = inject_run(pid, create_and_fetch, &request);

	if (error) {
		if (request.fd >= 0)
			close(request.fd);
		return error;
	}
	*ret_fd = request.fd;
	return 0;
}

struct copy {
	int fd, ours;
};

/* Looked at again, now that the thread stands still: the number may be another file's by now. */
static int close_in_task(struct inject_ctl *ctl, void *argument)
{
	const struct copy *copy = argument;
	const uint64_t arguments[6] = { (uint64_t)copy->fd };
	long result;
	int error;

	if (syscall(SYS_kcmp, ctl->tracee.tid, getpid(), KCMP_FILE, copy->fd, copy->ours))
		return -EBADF;
	error = inject_syscall(ctl, ctl->arch->nr_close, arguments, &result);
	return error ? error : (int)result;
}

int inject_close(pid_t pid, int fd, int ours)
{
	struct copy copy = { .fd = fd, .ours = ours };

	return inject_run(pid, close_in_task, &copy);
}
