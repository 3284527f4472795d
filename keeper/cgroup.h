/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keeper must not be frozen, killed or limited with the tree that it serves. Normally whoever
 * started it is in another cgroup; if not, it moves to the top of what it can see.
 */
#ifndef LAZY_WP_KEEPER_CGROUP_H
#define LAZY_WP_KEEPER_CGROUP_H

#include <sys/types.h>

/* Leaves every cgroup, but the topmost, that it shares with root: as far as it is allowed to. */
void keeper_leave_cgroups_of(pid_t root);

#endif
