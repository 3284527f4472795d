// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>

#include "ptrace-inject/inject.h"
#include "ptrace-inject/task-status.h"

const char *inject_strerror(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case -ESRCH:
		return "it has exited";
	case -EBUSY:
		return "another tracer is attached";
	case -EPERM:
		return "not permitted to trace it or to use userfaultfd in it";
	case -EACCES:
		return "its seccomp filter cannot be suspended (this needs CAP_SYS_ADMIN)";
	case -ENOEXEC:
		return "it runs 32-bit code";
	case -ETIMEDOUT:
		return "it did not stop in time (uninterruptible sleep, vfork or frozen)";
	case -EMFILE:
		return "it has no free file descriptor";
	case -ENFILE:
		return "no free file descriptor on our side";
	case -ENOSYS:
		return "the kernel has no userfaultfd";
	case -EINVAL:
		return "the kernel does not know these userfaultfd flags, or its first thread has "
		       "ended (which needs Linux 6.9)";
	case -ENXIO:
		return "no system call instruction found in its code";
	case -EPROTO:
		return "unexpected stop under ptrace";
	case -ENOMEM:
	case -EAGAIN:
		return "not enough memory or processes for the injection";
	case -EIO:
		return "the injection was killed or could not be undone";
	default:
		return "injection failed";
	}
}

void inject_describe(pid_t pid, int error, char *text, size_t size)
{
	struct inject_task_status status;
	pid_t tid = error == -EBUSY ? inject_choose_thread(pid) : -1;

	if (tid > 0 && !inject_task_status(pid, tid, &status) && status.tracer)
		snprintf(text, size, "%s (pid %d)", inject_strerror(error), status.tracer);
	else
		snprintf(text, size, "%s", inject_strerror(error));
}
