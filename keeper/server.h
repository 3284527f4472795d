/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keeper's state and its answers. One iteration at a time, owned by one connection:
 *   idle --BEGIN--> owned --TAKE--> taking --COMMIT--> idle, with one more iteration committed
 *   owned, owner gone -> idle;  taking, owner gone -> idle and broken
 * Broken stays until an iteration is committed. Everything is lost, on purpose, when this
 * process ends: the kernel then drops all registrations, and all memory counts as dirty.
 */
#ifndef LAZY_WP_KEEPER_SERVER_H
#define LAZY_WP_KEEPER_SERVER_H

#include <stdbool.h>

#include "keeper.pb-c.h"
#include "keeper/tasks.h"

struct keeper_connection {
	int socket; /* owned */
	pid_t peer;
};

struct keeper_server {
	pid_t root;
	uint8_t session[KEEPER_SESSION_BYTES];
	uint64_t sequence;       /* of the newest iteration begun: never given twice, so that the */
	uint64_t last_committed; /* images of a failed one cannot be taken for another's */
	char broken[KEEPER_TEXT_MAX];          /* "": not broken */
	const struct keeper_connection *owner; /* NULL: no iteration runs */
	int owner_pidfd; /* -1: none. Forked children may keep a dead owner's connection open */
	char owner_what[16];
	bool taking;
	bool stopping; /* STOP was answered */
	struct keeper_tasks tasks;
};

/*
 * Handles one packet of connection, with the descriptor that came with it (-1: none; closed here
 * unless it is kept). False: the packet is not one of ours, or the peer does not take its answer;
 * the connection is to be closed.
 */
bool keeper_server_handle(struct keeper_server *server, const struct keeper_connection *connection,
			  const uint8_t *packet, size_t len, int fd);

/* The connection is about to be closed. */
void keeper_server_forget(struct keeper_server *server, const struct keeper_connection *connection);

#endif
