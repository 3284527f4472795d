/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stops every thread of a tree of processes with ptrace, without any signal that they could
 * notice, and lets them go again as they were: a signal that was just being delivered is
 * delivered then, a group-stopped task stays stopped. Stop reports are only looked at and never
 * consumed, so that the kernel does the same when we are killed. One thread of ours does it all:
 * a tracee has one tracer.
 */
#ifndef LAZY_WP_CLI_VERIFY_STOP_H
#define LAZY_WP_CLI_VERIFY_STOP_H

#include <stddef.h>
#include <sys/types.h>

#include "image/error.h"
#include "util/process.h"

/* From the first attempt until all threads must have stopped. */
#define VERIFY_STOP_MS 5000

struct verify_stopped_thread {
	pid_t tid;
	int signal; /* to be handed back, or 0 */
};

struct verify_stopped {
	struct verify_stopped_thread *v;
	size_t nr, cap;
};

/*
 * Stops all threads of root and its descendants. -ESRCH: there is no such process; -EDEADLK: this
 * process is one of them; -EBUSY: one is traced by somebody else; -EPERM: not allowed;
 * -ETIMEDOUT: one does not stop (uninterruptible, frozen); -ENOMEM. On failure all that stopped
 * run again, and one that did not is let go when this process ends.
 */
int verify_stop_tree(pid_t root, struct verify_stopped *ret_stopped, struct image_error *error);

/* Lets all of them go and frees the list. */
void verify_release(struct verify_stopped *stopped);
#define auto_verify_stopped __attribute__((cleanup(verify_release)))

#endif
