/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tasks a keeper knows: each with its userfaultfd (-1: untracked, only shown in the status)
 * and a pidfd that tells when it ends. The table owns both descriptors.
 */
#ifndef LAZY_WP_KEEPER_TASKS_H
#define LAZY_WP_KEEPER_TASKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/client/wire.h"

struct keeper_entry {
	pid_t pid;
	uint64_t start_time; /* clock ticks since boot */
	int pidfd, uffd;
	uint64_t vmas;
	char tracker[16];
	char *warning; /* owned; NULL: none */
};

struct keeper_tasks {
	struct keeper_entry *v;
	size_t nr, cap;
	size_t max; /* as many as there are descriptors for; KEEPER_TASKS_MAX holds, too */
};

/* The entry of pid, or NULL. */
struct keeper_entry *keeper_tasks_find(struct keeper_tasks *tasks, pid_t pid);

/*
 * The entry of exactly this process, made if there is none; another process' entry under the same
 * pid is dropped first. -ESRCH: the process is gone or is another; -ENOSPC; -ENOMEM; -EMFILE.
 */
int keeper_tasks_get(struct keeper_tasks *tasks, pid_t pid, uint64_t start_time,
		     struct keeper_entry **ret_entry);

void keeper_tasks_drop(struct keeper_tasks *tasks, struct keeper_entry *entry);

#endif
