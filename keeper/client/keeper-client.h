/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talking to lazy-wpd, the daemon that holds a tree's userfaultfds between iterations. A tree is
 * named by its root's pid and start time and by the pid namespace in which that pid was read.
 * A client is one connection. The connection that began an iteration owns it: when it closes
 * without a commit after keeper_take(), the session is broken, and the next iteration is told so.
 * Every call has a deadline (KEEPER_DEADLINE_MS), so that a stuck keeper never hangs CRIU; any
 * transport error (-ETIMEDOUT, -EPIPE, -ECONNRESET, -EPROTO) ends the connection, and all later
 * calls return -ENOTCONN. The caller owns a client; it is used from one thread, and belongs to
 * one process: the death of the one that began an iteration ends it, whoever else has a copy.
 */
#ifndef LAZY_WP_KEEPER_CLIENT_KEEPER_CLIENT_H
#define LAZY_WP_KEEPER_CLIENT_KEEPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/client/wire.h"

#define KEEPER_DEADLINE_MS 5000
#define KEEPER_IDLE_S      (24 * 3600) /* without a client, then a keeper ends */
#define KEEPER_IDLE_MAX_S  2000000     /* in milliseconds it is still an int */

struct keeper_tree {
	pid_t root;
	uint64_t start_time; /* clock ticks since boot */
	uint64_t namespace;  /* inode of the pid namespace */
};

struct keeper_iteration {
	uint8_t session[KEEPER_SESSION_BYTES];
	uint64_t sequence;       /* of this iteration; no other of the session ever has it */
	uint64_t last_committed; /* 0: none */
	bool broken;
	char broken_reason[KEEPER_TEXT_MAX];
	pid_t owner_pid; /* on -EBUSY: who runs an iteration, and which */
	char owner_what[KEEPER_TEXT_MAX];
};

struct keeper_task {
	pid_t pid;
	uint64_t start_time; /* clock ticks */
	uint64_t vmas;       /* number of mappings */
	char tracker[KEEPER_TEXT_MAX];
	char warning[KEEPER_TEXT_MAX]; /* "": none */
};

struct keeper_state {
	pid_t root, keeper;
	struct keeper_iteration iteration; /* owner_pid 0: none runs */
	struct keeper_task *tasks;
	size_t nr_tasks;
};

struct keeper_client;

/* Names the tree under root as it is now. -ESRCH, -EBADMSG. */
int keeper_tree_of(pid_t root, struct keeper_tree *ret_tree);

/* Connects to the tree's keeper. -ENOENT: it has none; -EACCES: as keeper_start(). */
int keeper_connect(const struct keeper_tree *tree, struct keeper_client **ret_client);

/*
 * Connects, and starts the keeper (daemon: path of lazy-wpd) if there is none. Concurrent starts
 * give one keeper, which is nobody's child here and keeps no descriptor of ours. -EACCES: there is
 * no run directory that is ours alone (see run-directory.h); -ENOEXEC: it did not come up; errors of
 * fork and of socket calls.
 */
int keeper_start(const struct keeper_tree *tree, const char *daemon,
		 struct keeper_client **ret_client);

/* What an error of keeper_start() means, in words. */
const char *keeper_strerror(int error);

/* For keepers that this process starts from now on; 0: they never end of themselves. */
void keeper_set_idle_limit(unsigned int seconds);
unsigned int keeper_get_idle_limit(void);

/* Everything for `status`. -ENOMEM and transport errors. */
int keeper_get_state(struct keeper_client *client, struct keeper_state *ret_state);
void keeper_state_free(struct keeper_state *state);

/* what: "pre-dump" or "dump". -EBUSY: one is running; ret_iteration then says whose. */
int keeper_begin(struct keeper_client *client, const char *what,
		 struct keeper_iteration *ret_iteration);

/* Pages are taken from now on. -EPERM: this connection owns no iteration. */
int keeper_take(struct keeper_client *client);

/* The iteration is complete. -ESTALE: sequence is not this iteration's; -EPERM. */
int keeper_commit(struct keeper_client *client, uint64_t sequence);

/* Gives a copy of uffd to the keeper. -ESRCH: the task is gone or is another; -ENOSPC: too many. */
int keeper_add_task(struct keeper_client *client, pid_t pid, uint64_t start_time,
		    const char *tracker, int uffd);

/* A copy of the task's userfaultfd, which the caller owns. -ENOENT: the keeper has none. */
int keeper_get_fd(struct keeper_client *client, pid_t pid, uint64_t start_time, int *ret_uffd);

/* What `status` shows of a task; warning may be NULL. -ESRCH, -ENOSPC. */
int keeper_set_task(struct keeper_client *client, pid_t pid, uint64_t start_time,
		    const char *tracker, uint64_t vmas, const char *warning);

/* Forgets the task and closes its userfaultfd. Unknown ones are ignored. */
int keeper_drop_task(struct keeper_client *client, pid_t pid);

/* Ends the keeper and waits until it is gone. -EBUSY: an iteration is running (see ret_iteration). */
int keeper_stop(struct keeper_client *client, struct keeper_iteration *ret_iteration);

/* NULL is allowed. */
void keeper_disconnect(struct keeper_client *client);

/* Calls visit for each live keeper of this user; stops at its first negative result, and returns it. */
int keeper_list(int (*visit)(struct keeper_client *client, void *arg), void *arg);

#endif
