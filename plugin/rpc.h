/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRIU as a server of requests (`criu swrk`, which container engines and libcriu run, and `criu
 * service`): what a command line says otherwise is in a request that comes over a socket. Only
 * what CRIU receives there is looked at; nothing is ever received or sent by us.
 */
#ifndef LAZY_WP_PLUGIN_RPC_H
#define LAZY_WP_PLUGIN_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CRIU's numbers of requests. */
enum {
	PLUGIN_RPC_DUMP = 1,
	PLUGIN_RPC_PRE_DUMP = 4,
	PLUGIN_RPC_NOTIFY = 6,
	PLUGIN_RPC_FEATURE_CHECK = 9,
	PLUGIN_RPC_SINGLE_PRE_DUMP = 13,
};

struct plugin_request {
	bool tracks;      /* CRIU will use the tracker, or ask whether there is one */
	const char *what; /* "pre-dump" or "dump" if it tracks a tree, else NULL */
	pid_t root;       /* 0: the process at the other end of the socket */
};

/*
 * Understands a packet that CRIU received. False for one that begins nothing: an acknowledgement,
 * and what is no request at all.
 */
bool plugin_rpc_parse(const uint8_t *packet, size_t len, struct plugin_request *ret_request);

/* True if packet is CRIU's answer that a dump succeeded. */
bool plugin_rpc_is_dump_success(const uint8_t *packet, size_t len);

/*
 * The same answer as a failure; the buffer is the caller's, 0 if there is no memory.
 */
size_t plugin_rpc_as_failure(const uint8_t *packet, size_t len, uint8_t **ret_packet);

#endif
