/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The threads of a tree that are made to stand still for a while, and run on. Internal to the
 * helper of ptrace-inject/throttle.h, the tracer of them all.
 *
 * Only threads found running are held: one that sleeps writes nothing, and calls that a stop makes
 * begin anew (epoll_wait with a timeout) would never end. Stopped threads and those that somebody
 * else traces are left alone. Whoever wakes up is found by the next look.
 *
 * A stop is looked at and not consumed (WNOWAIT): so, should the helper be killed, the kernel
 * still delivers the signal that the stop may be about. A thread that has been asked to stop and
 * has not yet (it sleeps uninterruptibly) can neither be asked again nor let go; it stays here.
 */
#ifndef LAZY_WP_PTRACE_INJECT_HOLD_H
#define LAZY_WP_PTRACE_INJECT_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ptrace-inject/tracee.h"

struct hold {
	struct tracee *v;
	size_t nr, cap;
};

/*
 * Asks every running thread of root and its descendants to stop. -ESRCH: root is gone; -ENOMEM.
 * Uses SIGALRM, which must not be blocked, and its timer; ends the process if a seizure hangs.
 */
int hold_look(struct hold *hold, pid_t root);

/* Notes who has stopped, or died, since; what a program could see of its stop is hidden. */
void hold_settle(struct hold *hold);

/* True if a thread has been asked to stop and has not yet. */
bool hold_is_unsettled(const struct hold *hold);

/* Lets all who stand still run on, each with the signal that it was stopped about. */
void hold_release(struct hold *hold);

#endif
