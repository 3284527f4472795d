// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/inject.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"

/* struct inject_ctl and a chunk of code to search are on it: 100 KiB. */
#define HELPER_STACK_BYTES (512 * 1024)

#define PIDFD_OF_THREAD O_EXCL /* PIDFD_THREAD, Linux 6.9 */

struct helper_request {
	pid_t pid, tid;
	int (*operation)(struct inject_ctl *ctl, void *argument);
	void *argument;
	int result;
};

struct userfaultfd_request {
	int flags;
	int fd;
};

static int helper_main(void *argument)
{
	struct helper_request *request = argument;
	struct inject_ctl ctl = { 0 };
	int error = tracee_prepare_waiting();

	if (error) {
		request->result = error;
		return 0;
	}
	error = inject_ctl_attach(&ctl, request->pid, request->tid);
	if (!error)
		error = request->operation(&ctl, request->argument);
	if (inject_ctl_restore(&ctl))
		error = -EIO;
	request->result = error;
	return 0;
}

/*
 * CLONE_VFORK: the helper borrows our thread's identity (errno, thread pointer), so this thread
 * must not run. No CLONE_SIGHAND: its SIGALRM handler is its own. Exit signal 0: neither a SIGCHLD
 * handler nor a wait(-1) of the program that we live in (CRIU has both) ever sees it.
 */
static int run_helper(struct helper_request *request, char *stack)
{
	pid_t helper = clone(helper_main, stack + HELPER_STACK_BYTES,
			     CLONE_VM | CLONE_VFORK | CLONE_FILES, request);

	if (helper < 0)
		return -errno;
	while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
		;
	return request->result;
}

int inject_run(pid_t pid, int (*operation)(struct inject_ctl *ctl, void *argument), void *argument)
{
	struct helper_request request = {
		.pid = pid,
		.operation = operation,
		.argument = argument,
		.result = -EIO, /* what remains if the helper is killed */
	};
	sigset_t all, before;
	char *stack;
	int result;

	request.tid = inject_choose_thread(pid);
	if (request.tid < 0)
		return request.tid;
	stack = mmap(NULL, HELPER_STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	/* Blocked before the helper exists: no handler of ours may run in it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = run_helper(&request, stack);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, HELPER_STACK_BYTES);
	return result;
}

int inject_syscall(struct inject_ctl *ctl, long nr, const uint64_t arguments[6], long *ret_result)
{
	struct arch_registers registers;
	int error = inject_ctl_regain(ctl);

	if (error)
		return error;
	registers = ctl->user;
	ctl->arch->prepare_syscall(&registers, ctl->syscall_instruction, nr, arguments);
	ctl->altered = true;
	error = inject_ctl_write_registers(ctl, &registers);
	if (!error)
		error = tracee_run_to(&ctl->tracee, TRACEE_ENTRY, ctl->deadline_ms);
	if (!error && ctl->tracee.syscall_nr != nr)
		error = -EPROTO;
	/* Once begun it does not block, and what it created must not be lost sight of. */
	if (!error)
		error = tracee_run_to(&ctl->tracee, TRACEE_EXIT,
				      tracee_now_ms() + INJECT_RECOVERY_MS);
	if (!error)
		*ret_result = ctl->tracee.syscall_result;
	return error;
}

static int fetch_descriptor(int pidfd, int remote_fd)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote_fd, 0);

	return fd < 0 ? inject_own_error() : fd;
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
		return inject_own_error();
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

static int close_in_task(struct inject_ctl *ctl, void *argument)
{
	const uint64_t arguments[6] = { *(const int *)argument };
	long result;
	int error = inject_syscall(ctl, ctl->arch->nr_close, arguments, &result);

	return error ? error : (int)result;
}

int inject_close(pid_t pid, int fd)
{
	return inject_run(pid, close_in_task, &fd);
}
