// SPDX-License-Identifier: GPL-2.0-only
#include "ptrace-inject/helper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/tracee.h"

/* struct inject_ctl and a chunk of code to search are on it: 100 KiB. */
#define HELPER_STACK_BYTES (512 * 1024)

struct helper {
	int (*work)(void *argument);
	void *argument;
	int result;
};

static int helper_main(void *argument)
{
	struct helper *helper = argument;
	int error;

	/* Out of our process group: kill(-PGRP, SIGKILL), as timeout(1) does, is to end us, not it. */
	setsid();
	error = tracee_prepare_waiting();
	helper->result = error ? error : helper->work(helper->argument);
	return 0;
}

/*
 * CLONE_VFORK: the helper borrows our thread's identity (errno, thread pointer), so this thread
 * must not run. No CLONE_SIGHAND: its SIGALRM handler is its own. Exit signal 0: neither a SIGCHLD
 * handler nor a wait(-1) of the program that we live in (CRIU has both) ever sees it.
 */
static int run(struct helper *helper, char *stack)
{
	pid_t pid = clone(helper_main, stack + HELPER_STACK_BYTES,
			  CLONE_VM | CLONE_VFORK | CLONE_FILES, helper);

	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return helper->result;
}

int inject_in_helper(int (*work)(void *argument), void *argument, int died)
{
	struct helper helper = { .work = work, .argument = argument, .result = died };
	sigset_t all, before;
	char *stack;
	int result;

	stack = mmap(NULL, HELPER_STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	/* Blocked before the helper exists: no handler of ours may run in it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = run(&helper, stack);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, HELPER_STACK_BYTES);
	return result;
}
