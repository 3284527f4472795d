/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slows a tree of processes: a helper process makes its running threads stand still for a part of
 * each PERIOD, by ptrace. Nobody but the tree's own clocks sees that: no signal is sent, and no
 * parent is told of a stop.
 *
 * However the helper ends, the kernel lets go of all that it holds. It ends with
 * inject_throttle_end(), with the process that began it (by whatever death), and when it hangs.
 * It survives the exec of that process, as a child that only the waits with __WALL see. While that
 * process is stopped (Ctrl-Z, SIGSTOP) the tree runs freely.
 * While it runs none of the tree can be traced by anybody else, inject_run() and inject_barrier()
 * included.
 */
#ifndef LAZY_WP_PTRACE_INJECT_THROTTLE_H
#define LAZY_WP_PTRACE_INJECT_THROTTLE_H

#include <sys/types.h>

#define INJECT_THROTTLE_PERIOD_MS 100

/*
 * Begins to make the tree under root stand still for percent (1 … 99) of the time. To be called by
 * a thread that lives as long as its process. The helper is the caller's, until it is given to
 * inject_throttle_end(). -EAGAIN, -ENOMEM: there is none.
 */
int inject_throttle_begin(pid_t root, unsigned int percent, pid_t *ret_helper);

/* The tree runs freely, and is traced by nobody, when this returns. helper 0: there is none. */
void inject_throttle_end(pid_t helper);

#endif
