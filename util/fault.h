/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Named points of an iteration at which a test may end a process or make a call fail. They exist
 * only in a build with FAULTS=1 and there only if LAZY_WP_FAULT names the socket of scripts/faults:
 * each point passed tells it its name and goes on when it has been answered. So the test decides,
 * and whom it kills is dead before the next line runs. In an ordinary build all of this is nothing.
 */
#ifndef LAZY_WP_UTIL_FAULT_H
#define LAZY_WP_UTIL_FAULT_H

#ifdef LAZY_WP_FAULTS

/* Returns 0 or the -errno with which the step behind this point shall fail. */
int fault_ask(const char *point);

#define fault_point(point) ((void)fault_ask(point))
#define fault_error(point) fault_ask(point)

#else

#define fault_point(point) ((void)0)
#define fault_error(point) 0

#endif

#endif
