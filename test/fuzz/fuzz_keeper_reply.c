// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's side of the keeper's socket: the first byte says which call, the rest are the
 * packets that a keeper answers with. Whatever it says, a call ends, gives 0 or -errno, and what it
 * gives out is bounded; after nonsense the connection is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/client/connection.h"
#include "keeper/client/keeper-client.h"
#include "test/fuzz/packets.h"

/* A keeper that has said all this already and hangs up. Returns how many packets it sent. */
static size_t connect_client(struct keeper_client **ret_client, int *ret_peer, const uint8_t *data,
			     size_t size)
{
	struct packet packet;
	size_t nr = 0;
	int pair[2];

	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	*ret_client = malloc(sizeof(**ret_client));
	MUST(*ret_client);
	(*ret_client)->socket = pair[0];
	*ret_peer = pair[1];
	while (nr < PACKETS_MAX && next_packet(&data, &size, &packet)) {
		int ret = keeper_wire_send(pair[1], packet.bytes, packet.len,
					   packet.flags & 1 ? pair[1] : -1);

		MUST(!ret);
		nr++;
	}
	MUST(!shutdown(pair[1], SHUT_WR));
	return nr;
}

static void check_iteration(const struct keeper_iteration *iteration)
{
	MUST(memchr(iteration->broken_reason, 0, sizeof(iteration->broken_reason)));
	MUST(memchr(iteration->owner_what, 0, sizeof(iteration->owner_what)));
}

static int try_state(struct keeper_client *client, size_t nr_packets)
{
	struct keeper_state state = { .root = -1 };
	int ret = keeper_get_state(client, &state);

	if (ret) {
		MUST(state.root == -1 && !state.tasks);
		return ret;
	}
	check_iteration(&state.iteration);
	MUST(state.nr_tasks <= nr_packets * KEEPER_TASKS_PER_REPLY);
	for (size_t i = 0; i < state.nr_tasks; i++)
		MUST(memchr(state.tasks[i].tracker, 0, KEEPER_TEXT_MAX) &&
		     memchr(state.tasks[i].warning, 0, KEEPER_TEXT_MAX));
	keeper_state_free(&state);
	return 0;
}

static int try_fd(struct keeper_client *client)
{
	int fd = -2, ret = keeper_get_fd(client, 1, 1, &fd);

	MUST(ret ? fd == -2 : fd >= 0);
	if (!ret)
		close(fd);
	return ret;
}

static int try_iteration(struct keeper_client *client, bool stop)
{
	struct keeper_iteration iteration;
	int ret = stop ? keeper_stop(client, &iteration) : keeper_begin(client, "dump", &iteration);

	if (!ret || ret == -EBUSY)
		check_iteration(&iteration);
	return ret;
}

static int try_call(struct keeper_client *client, uint64_t which, size_t nr_packets)
{
	switch (which % 6) {
	case 0:
		return try_state(client, nr_packets);
	case 1:
		return try_iteration(client, false);
	case 2:
		return try_iteration(client, true);
	case 3:
		return try_fd(client);
	case 4:
		return keeper_commit(client, 1);
	default:
		return keeper_set_task(client, 1, 1, "off", 1, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t which = fuzz_take_number(&data, &size, 1);
	int open_before = fuzz_open_descriptors(), peer, ret;
	struct keeper_client *client;
	size_t nr_packets = connect_client(&client, &peer, data, size);

	ret = try_call(client, which, nr_packets);
	MUST(ret <= 0);
	MUST(ret != -EPROTO || client->socket < 0 || which % 6 == 2 || which % 6 == 3);
	keeper_disconnect(client);
	close(peer);
	MUST(open_before == fuzz_open_descriptors());
	return 0;
}
