// SPDX-License-Identifier: GPL-2.0-only
#include "keeper/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fault.h"

struct exchange {
	struct keeper_server *server;
	const struct keeper_connection *connection;
	const LwpKeeperRequest *request;
	int *fd;      /* that came with the request; taken by whoever keeps it */
	int reply_fd; /* sent with the reply, stays ours */
	LwpKeeperReply reply;
};

/* Strings of a request are cut to what our own clients ever send. */
static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static bool owns_iteration(const struct exchange *exchange)
{
	return exchange->server->owner == exchange->connection;
}

static void fill_state(struct exchange *exchange)
{
	struct keeper_server *server = exchange->server;
	LwpKeeperReply *reply = &exchange->reply;

	reply->has_session = reply->has_last_committed = true;
	reply->has_root_pid = reply->has_keeper_pid = true;
	reply->session = (ProtobufCBinaryData){ sizeof(server->session), server->session };
	reply->last_committed = server->last_committed;
	reply->broken = server->broken[0] ? server->broken : NULL;
	reply->root_pid = server->root;
	reply->keeper_pid = getpid();
	if (server->owner) {
		reply->has_owner_pid = true;
		reply->owner_pid = server->owner->peer;
		reply->owner_what = server->owner_what;
	}
}

static int fill_tasks(struct exchange *exchange, LwpKeeperTask *tasks, LwpKeeperTask **pointers)
{
	struct keeper_tasks *known = &exchange->server->tasks;
	size_t first = exchange->request->first_task;

	exchange->reply.has_nr_tasks = true;
	exchange->reply.nr_tasks = known->nr;
	exchange->reply.tasks = pointers;
	for (size_t i = 0; i < KEEPER_TASKS_PER_REPLY && first + i < known->nr; i++) {
		const struct keeper_entry *entry = &known->v[first + i];

		tasks[i] = (LwpKeeperTask)LWP_KEEPER_TASK__INIT;
		tasks[i].pid = entry->pid;
		tasks[i].start_time = entry->start_time;
		tasks[i].tracker = (char *)entry->tracker;
		tasks[i].vmas = entry->vmas;
		tasks[i].warning = entry->warning;
		pointers[i] = &tasks[i];
		exchange->reply.n_tasks++;
	}
	return 0;
}

static void release(struct keeper_server *server)
{
	util_close_cleanup(&server->owner_pidfd);
	server->owner_pidfd = -1;
	server->owner = NULL;
	server->taking = false;
}

static int begin(struct exchange *exchange)
{
	struct keeper_server *server = exchange->server;

	fill_state(exchange);
	if (server->owner)
		return -EBUSY;
	fault_point("keeper-begin-before");
	server->owner_pidfd = syscall(SYS_pidfd_open, exchange->connection->peer, 0);
	if (server->owner_pidfd < 0)
		return -errno;
	server->owner = exchange->connection;
	server->taking = false;
	copy_text(server->owner_what, sizeof(server->owner_what), exchange->request->what);
	exchange->reply.has_sequence = true;
	exchange->reply.sequence = ++server->sequence;
	fault_point("keeper-begin-after");
	return 0;
}

static int take(struct exchange *exchange)
{
	if (!owns_iteration(exchange))
		return -EPERM;
	fault_point("keeper-take-before");
	exchange->server->taking = true;
	fault_point("keeper-take-after");
	return 0;
}

static int commit(struct exchange *exchange)
{
	struct keeper_server *server = exchange->server;

	if (!owns_iteration(exchange))
		return -EPERM;
	if (exchange->request->sequence != server->sequence)
		return -ESTALE;
	fault_point("keeper-commit-before");
	server->last_committed = server->sequence;
	server->broken[0] = 0;
	release(server);
	fault_point("keeper-commit-after");
	return 0;
}

static int set_warning(struct keeper_entry *entry, const char *warning)
{
	char *copy = warning ? strndup(warning, KEEPER_TEXT_MAX - 1) : NULL;

	if (warning && !copy)
		return -ENOMEM;
	free(entry->warning);
	entry->warning = copy;
	return 0;
}

static int add_task(struct exchange *exchange)
{
	const LwpKeeperRequest *request = exchange->request;
	struct keeper_entry *entry;
	int ret;

	if (*exchange->fd < 0)
		return -EINVAL;
	ret = keeper_tasks_get(&exchange->server->tasks, request->pid, request->start_time, &entry);
	if (ret)
		return ret;
	util_close_cleanup(&entry->uffd);
	entry->uffd = take_fd(exchange->fd);
	copy_text(entry->tracker, sizeof(entry->tracker), request->tracker);
	return set_warning(entry, NULL);
}

static int get_fd(struct exchange *exchange)
{
	const LwpKeeperRequest *request = exchange->request;
	const struct keeper_entry *entry = keeper_tasks_find(&exchange->server->tasks,
							     request->pid);

	if (!entry || entry->start_time != request->start_time || entry->uffd < 0)
		return -ENOENT;
	exchange->reply_fd = entry->uffd;
	return 0;
}

static int set_task(struct exchange *exchange)
{
	const LwpKeeperRequest *request = exchange->request;
	struct keeper_entry *entry;
	int ret = keeper_tasks_get(&exchange->server->tasks, request->pid, request->start_time,
				   &entry);

	if (ret)
		return ret;
	copy_text(entry->tracker, sizeof(entry->tracker), request->tracker);
	entry->vmas = request->vmas;
	return set_warning(entry, request->warning);
}

static int drop_task(struct exchange *exchange)
{
	struct keeper_entry *entry = keeper_tasks_find(&exchange->server->tasks,
						       exchange->request->pid);

	if (entry)
		keeper_tasks_drop(&exchange->server->tasks, entry);
	return 0;
}

static int stop(struct exchange *exchange)
{
	fill_state(exchange);
	if (exchange->server->owner)
		return -EBUSY;
	exchange->server->stopping = true;
	return 0;
}

static int answer(struct exchange *exchange, LwpKeeperTask *tasks, LwpKeeperTask **pointers)
{
	switch (exchange->request->kind) {
	case LWP_KEEPER_KIND__LWP_KEEPER_GET_STATE:
		fill_state(exchange);
		return fill_tasks(exchange, tasks, pointers);
	case LWP_KEEPER_KIND__LWP_KEEPER_BEGIN:
		return begin(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_TAKE:
		return take(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_COMMIT:
		return commit(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_ADD_TASK:
		return add_task(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_GET_FD:
		return get_fd(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_SET_TASK:
		return set_task(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_DROP_TASK:
		return drop_task(exchange);
	case LWP_KEEPER_KIND__LWP_KEEPER_STOP:
		return stop(exchange);
	default:
		return -EOPNOTSUPP;
	}
}

static bool send_reply(const struct exchange *exchange)
{
	size_t len = lwp_keeper_reply__get_packed_size(&exchange->reply);
	auto_free uint8_t *bytes = len <= KEEPER_PACKET_MAX ? malloc(len) : NULL;

	if (!bytes)
		return false;
	lwp_keeper_reply__pack(&exchange->reply, bytes);
	return !keeper_wire_send(exchange->connection->socket, bytes, len, exchange->reply_fd);
}

bool keeper_server_handle(struct keeper_server *server, const struct keeper_connection *connection,
			  const uint8_t *packet, size_t len, int fd)
{
	auto_close int received = fd;
	LwpKeeperTask tasks[KEEPER_TASKS_PER_REPLY], *pointers[KEEPER_TASKS_PER_REPLY];
	LwpKeeperRequest *request = lwp_keeper_request__unpack(NULL, len, packet);
	struct exchange exchange = {
		.server = server,
		.connection = connection,
		.request = request,
		.fd = &received,
		.reply_fd = -1,
		.reply = LWP_KEEPER_REPLY__INIT,
	};
	bool sent = false;

	if (request && request->version == KEEPER_PROTOCOL_VERSION) {
		exchange.reply.version = KEEPER_PROTOCOL_VERSION;
		exchange.reply.result = answer(&exchange, tasks, pointers);
		sent = send_reply(&exchange);
	}
	if (request)
		lwp_keeper_request__free_unpacked(request, NULL);
	return sent;
}

void keeper_server_forget(struct keeper_server *server, const struct keeper_connection *connection)
{
	if (server->owner != connection)
		return;
	if (server->taking)
		snprintf(server->broken, sizeof(server->broken),
			 "the last %s (by process %d) was not completed", server->owner_what,
			 connection->peer);
	release(server);
}
