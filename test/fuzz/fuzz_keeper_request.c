// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keeper's side of the socket: any packets, with any number of descriptors, on two
 * connections. An iteration is owned by at most one of them, sequences only grow, nothing is
 * committed that was not begun, every answer can be read, and no descriptor is left open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/server.h"
#include "test/fuzz/packets.h"
#include "util/cleanup.h"
#include "util/process.h"

#define TASKS_MAX 2

enum packet_flag {
	SECOND_CONNECTION = 1 << 0,
	NAME_A_TASK = 1 << 1, /* with pid and start time of a process that exists */
	HANG_UP = 1 << 2,     /* instead of sending it */
	DESCRIPTORS = 3 << 3, /* how many */
};

struct world {
	struct keeper_server server;
	struct keeper_connection connections[2];
	int peers[2];
};

static void connect_pair(struct world *world, int i)
{
	int pair[2];

	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	world->connections[i] = (struct keeper_connection){ .socket = pair[0], .peer = getpid() };
	world->peers[i] = pair[1];
}

static void hang_up(struct world *world, int i)
{
	bool owned = world->server.owner == &world->connections[i], taking = world->server.taking;

	keeper_server_forget(&world->server, &world->connections[i]);
	MUST(world->server.owner != &world->connections[i]);
	MUST(!owned || !taking || world->server.broken[0]);
	close(world->connections[i].socket);
	close(world->peers[i]);
}

/* Raw bytes, because a client of ours would send no such thing. */
static void send_packet(int socket, const struct packet *packet, const uint8_t *bytes, size_t len)
{
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t nr = (packet->flags & DESCRIPTORS) / 8;
	int fds[3] = { socket, socket, socket };

	if (nr) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(nr * sizeof(int)),
							     .cmsg_level = SOL_SOCKET,
							     .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, nr * sizeof(int));
	}
	MUST(sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Replaces the task of a request by one that exists, which no input can know. */
static size_t name_task(const struct packet *packet, uint8_t **ret_bytes)
{
	LwpKeeperRequest *request = lwp_keeper_request__unpack(NULL, packet->len, packet->bytes);
	uint64_t start_time;
	pid_t pid;
	size_t len;

	if (!request)
		return 0;
	pid = request->pid % 2 ? getpid() : getppid();
	if (!process_start_time(pid, &start_time)) {
		request->has_pid = request->has_start_time = true;
		request->pid = pid;
		request->start_time = start_time;
	}
	len = lwp_keeper_request__get_packed_size(request);
	*ret_bytes = malloc(len);
	MUST(*ret_bytes && len);
	lwp_keeper_request__pack(request, *ret_bytes);
	lwp_keeper_request__free_unpacked(request, NULL);
	return len;
}

/* Returns its result. */
static int check_reply(int socket)
{
	static uint8_t bytes[KEEPER_PACKET_MAX];
	LwpKeeperReply *reply;
	int fd = -1, result;
	ssize_t len = keeper_wire_receive(socket, bytes, &fd);

	MUST(len > 0);
	reply = lwp_keeper_reply__unpack(NULL, len, bytes);
	MUST(reply && reply->version == KEEPER_PROTOCOL_VERSION && reply->result <= 0);
	MUST(reply->n_tasks <= KEEPER_TASKS_PER_REPLY && (!reply->n_tasks || reply->has_nr_tasks));
	MUST(fd < 0 || !reply->result);
	if (fd >= 0)
		close(fd);
	result = reply->result;
	lwp_keeper_reply__free_unpacked(reply, NULL);
	return result;
}

/* Only the owner takes and commits, and only its own iteration; nobody begins or stops beside it. */
static void check_rights(const uint8_t *bytes, size_t len, const struct keeper_server *before,
			 const struct keeper_connection *connection)
{
	LwpKeeperRequest *request = lwp_keeper_request__unpack(NULL, len, bytes);

	MUST(request);
	if (request->kind == LWP_KEEPER_KIND__LWP_KEEPER_TAKE ||
	    request->kind == LWP_KEEPER_KIND__LWP_KEEPER_COMMIT)
		MUST(before->owner == connection);
	if (request->kind == LWP_KEEPER_KIND__LWP_KEEPER_COMMIT)
		MUST(request->sequence == before->sequence);
	if (request->kind == LWP_KEEPER_KIND__LWP_KEEPER_BEGIN ||
	    request->kind == LWP_KEEPER_KIND__LWP_KEEPER_STOP)
		MUST(!before->owner);
	lwp_keeper_request__free_unpacked(request, NULL);
}

static void check_server(const struct keeper_server *server, const struct keeper_server *before)
{
	MUST(server->sequence >= before->sequence && server->sequence <= before->sequence + 1);
	MUST(server->last_committed == before->last_committed ||
	     (before->owner && !server->owner && server->last_committed == before->sequence));
	MUST(server->last_committed <= server->sequence);
	MUST(!before->broken[0] || server->broken[0] ||
	     server->last_committed > before->last_committed);
	MUST(!server->taking || server->owner);
	MUST(!server->owner == (server->owner_pidfd < 0));
	MUST(memchr(server->broken, 0, sizeof(server->broken)));
	MUST(memchr(server->owner_what, 0, sizeof(server->owner_what)));
	MUST(server->tasks.nr <= TASKS_MAX);
	for (size_t i = 0; i < server->tasks.nr; i++) {
		const struct keeper_entry *entry = &server->tasks.v[i];

		MUST(entry->pidfd >= 0 && memchr(entry->tracker, 0, sizeof(entry->tracker)));
		MUST(!entry->warning || strlen(entry->warning) < KEEPER_TEXT_MAX);
	}
}

static void serve(struct world *world, const struct packet *packet, const uint8_t *bytes,
		  size_t len)
{
	static uint8_t received[KEEPER_PACKET_MAX];
	int i = packet->flags & SECOND_CONNECTION, fd = -1;
	struct keeper_server before = world->server;
	ssize_t got;

	send_packet(world->peers[i], packet, bytes, len);
	got = keeper_wire_receive(world->connections[i].socket, received, &fd);
	MUST(got == (ssize_t)len && (fd >= 0) == !!(packet->flags & DESCRIPTORS));
	if (keeper_server_handle(&world->server, &world->connections[i], received, got, fd)) {
		if (!check_reply(world->peers[i]))
			check_rights(bytes, len, &before, &world->connections[i]);
		check_server(&world->server, &before);
		return;
	}
	check_server(&world->server, &before);
	hang_up(world, i);
	connect_pair(world, i);
}

static void handle(struct world *world, const struct packet *packet)
{
	uint8_t *named = NULL;
	size_t len = packet->flags & NAME_A_TASK ? name_task(packet, &named) : 0;

	if (packet->flags & HANG_UP) {
		hang_up(world, packet->flags & SECOND_CONNECTION);
		connect_pair(world, packet->flags & SECOND_CONNECTION);
	} else if (len) {
		serve(world, packet, named, len);
	} else if (packet->len) { /* an empty packet cannot be told from the end */
		serve(world, packet, packet->bytes, packet->len);
	}
	free(named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .server = { .owner_pidfd = -1, .tasks.max = TASKS_MAX } };
	int open_before = fuzz_open_descriptors();
	struct packet packet;

	connect_pair(&world, 0);
	connect_pair(&world, 1);
	for (int i = 0; i < PACKETS_MAX && next_packet(&data, &size, &packet); i++)
		handle(&world, &packet);
	hang_up(&world, 0);
	hang_up(&world, 1);
	while (world.server.tasks.nr)
		keeper_tasks_drop(&world.server.tasks, world.server.tasks.v);
	free(world.server.tasks.v);
	MUST(open_before == fuzz_open_descriptors());
	return 0;
}
