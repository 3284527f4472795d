/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs system calls inside another task and leaves no trace: registers, signal mask, pending
 * signals, an interrupted system call, job-control stop, seccomp and system call dispatch are as
 * before; text, data and stack of the task are never written. Other threads keep running.
 *
 * The work is done by a short-lived helper process that shares our memory and descriptor table
 * and whose end nobody but us can see (no SIGCHLD, not found by wait(-1)). ptrace is tied to one
 * tracer, and only the end of a tracer lets go of a task that cannot be stopped. It also goes on
 * putting the task back when the calling process, or its whole process group, is killed meanwhile.
 *
 * The calling thread is suspended until the helper is done, at most INJECT_DEADLINE_MS unless a
 * task is frozen in the middle (see there). When the task dies at any point: -ESRCH, nothing left.
 * A SIGKILL that hits the helper itself within these microseconds is not survivable for the task.
 */
#ifndef LAZY_WP_PTRACE_INJECT_INJECT_H
#define LAZY_WP_PTRACE_INJECT_INJECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From the attempt to stop the task until its last injected system call has returned. */
#define INJECT_DEADLINE_MS 2000

/*
 * A task that a version 1 freezer cgroup freezes within the injection cannot be put back until it
 * is thawed, and letting go of it earlier would make it run on with our registers. So long we wait.
 */
#define INJECT_RECOVERY_MS 60000

/* A task under injection; lives in the helper, for the duration of one inject_run(). */
struct inject_ctl;

/*
 * Stops one thread of the process pid (its leader, or another one if that has exited), calls
 * operation(ctl, argument) and puts the thread back, whatever operation returns.
 * operation runs in the helper process on a small stack, in our memory and descriptor table, with
 * all signals blocked; it must not wait for other threads of ours.
 * Result: that of operation, or, before operation ran,
 *   -ESRCH      no such process, exiting, or a zombie
 *   -EBUSY      traced by somebody else already (not touched)
 *   -EPERM      we may not trace it (credentials, LSM, kernel thread)
 *   -EACCES     under a seccomp filter that we may not suspend (needs CAP_SYS_ADMIN)
 *   -ENOEXEC    it runs 32-bit code
 *   -ETIMEDOUT  did not stop: uninterruptible sleep, waiting in vfork(), frozen
 *   -ENXIO      no system call instruction in its executable mappings
 *   -EPROTO     a stop that cannot happen; the task was put back
 *   -ENFILE     no free descriptor on our side
 *   -ENOMEM, -EAGAIN  no helper
 *   -EIO        the helper was killed, or the task could not be put back (INJECT_RECOVERY_MS)
 * pid may be reused between two calls: only whoever holds a pidfd that is still alive afterwards
 * knows that it was the process meant.
 */
int inject_run(pid_t pid, int (*operation)(struct inject_ctl *ctl, void *argument), void *argument);

/*
 * Runs system call nr with arguments in the task, for use inside operation. Pointers must be
 * addresses of the task. 0 when the call ran, its outcome (value or -errno) being in *ret_result;
 * -ESRCH when the task died, -ETIMEDOUT when it could not be begun, -EPROTO.
 * Only for calls that do not block: one that has begun is waited for.
 */
int inject_syscall(struct inject_ctl *ctl, long nr, const uint64_t arguments[6], long *ret_result);

/*
 * Creates a userfaultfd of the process pid: userfaultfd(flags | O_CLOEXEC) runs in the task,
 * pidfd_getfd(2) brings it out, close() runs in the task. *ret_fd (O_CLOEXEC) is the caller's.
 * No descriptor stays in the task; for the time of two system calls its other threads could see
 * one, and a child that they fork just then inherits it (closed by exec).
 * Errors: those of inject_run(), -EMFILE no free descriptor in the task,
 * -ENOSYS the kernel lacks userfaultfd, -EPERM also when userfaultfd() is not permitted to it,
 * -EINVAL flags, or its leader has exited and Linux is older than 6.9 (PIDFD_THREAD).
 */
int inject_userfaultfd(pid_t pid, int flags, int *ret_fd);

/*
 * Runs close(fd) in the process pid: for a userfaultfd that a child inherited because another
 * thread forked between the two calls of inject_userfaultfd(). ours: that userfaultfd, in this
 * process. -EBADF: fd is not, or no longer, a copy of it (kcmp(2)); else the errors of inject_run().
 */
int inject_close(pid_t pid, int fd, int ours);

/*
 * Waits until every system call that any thread of the process pid was in when this was called has
 * come to an end (or will be begun anew): whatever such a call lets a device write into memory,
 * as an O_DIRECT read does, has been written then. A thread that sleeps in a call that hands no
 * memory to a device is left alone; any other one is stopped for a moment, one after the other.
 * -ESRCH: the process is gone; -ETIMEDOUT: a call does not end; else the errors of inject_run().
 */
int inject_barrier(pid_t pid);

/* The phrase for an error of these functions, to follow "…: "; never NULL. */
const char *inject_strerror(int error);

/* The same written to text, with the tracer's pid for -EBUSY, which is looked up now. */
void inject_describe(pid_t pid, int error, char *text, size_t size);

#endif
