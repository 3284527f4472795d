// SPDX-License-Identifier: GPL-2.0-only
#include "keeper/client/keeper-client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.pb-c.h"
#include "keeper/client/connection.h"
#include "util/cleanup.h"

static int wait_readable(int socket)
{
	struct pollfd poll_fd = { .fd = socket, .events = POLLIN };
	int ret;

	while ((ret = poll(&poll_fd, 1, KEEPER_DEADLINE_MS)) < 0)
		if (errno != EINTR)
			return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

static int send_request(struct keeper_client *client, LwpKeeperRequest *request, int fd)
{
	uint8_t bytes[4096];

	request->version = KEEPER_PROTOCOL_VERSION;
	if (lwp_keeper_request__get_packed_size(request) > sizeof(bytes))
		return -EMSGSIZE;
	return keeper_wire_send(client->socket, bytes, lwp_keeper_request__pack(request, bytes),
				fd);
}

/* A positive result would be taken for progress, more tasks than can be for work to be done. */
static bool is_valid(const LwpKeeperReply *reply)
{
	return reply->version == KEEPER_PROTOCOL_VERSION && reply->result <= 0 &&
	       reply->result >= -KEEPER_ERRNO_MAX && reply->n_tasks <= KEEPER_TASKS_PER_REPLY &&
	       reply->nr_tasks <= KEEPER_TASKS_MAX &&
	       (!reply->has_session || reply->session.len == KEEPER_SESSION_BYTES);
}

/* ret_fd may be NULL: a descriptor that comes unasked is closed. */
static int receive_reply(struct keeper_client *client, LwpKeeperReply **ret_reply, int *ret_fd)
{
	auto_free uint8_t *bytes = malloc(KEEPER_PACKET_MAX);
	auto_close int fd = -1;
	LwpKeeperReply *reply;
	ssize_t got;
	int ret;

	if (!bytes)
		return -ENOMEM;
	ret = wait_readable(client->socket);
	if (ret)
		return ret;
	got = keeper_wire_receive(client->socket, bytes, &fd);
	if (got <= 0)
		return got ? (int)got : -EPIPE;
	reply = lwp_keeper_reply__unpack(NULL, got, bytes);
	if (!reply || !is_valid(reply)) {
		lwp_keeper_reply__free_unpacked(reply, NULL);
		return -EPROTO;
	}
	*ret_reply = reply;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

/* One exchange. On 0 the caller frees *ret_reply, whose result is the keeper's answer. */
static int exchange(struct keeper_client *client, LwpKeeperRequest *request, int fd,
		    LwpKeeperReply **ret_reply, int *ret_fd)
{
	int ret = client->socket < 0 ? -ENOTCONN : send_request(client, request, fd);

	if (!ret)
		ret = receive_reply(client, ret_reply, ret_fd);
	/* A reply that comes late would be taken for that of the next request. */
	if (ret && client->socket >= 0)
		close(take_fd(&client->socket));
	return ret;
}

static int call(struct keeper_client *client, LwpKeeperRequest *request, int fd)
{
	LwpKeeperReply *reply;
	int ret = exchange(client, request, fd, &reply, NULL);

	if (ret)
		return ret;
	ret = reply->result;
	lwp_keeper_reply__free_unpacked(reply, NULL);
	return ret;
}

static void copy_text(char text[KEEPER_TEXT_MAX], const char *from)
{
	snprintf(text, KEEPER_TEXT_MAX, "%s", from ? from : "");
}

static void copy_iteration(const LwpKeeperReply *reply, struct keeper_iteration *iteration)
{
	*iteration = (struct keeper_iteration){
		.sequence = reply->sequence,
		.last_committed = reply->last_committed,
		.broken = reply->broken,
		.owner_pid = reply->owner_pid,
	};
	if (reply->session.len == sizeof(iteration->session))
		memcpy(iteration->session, reply->session.data, sizeof(iteration->session));
	copy_text(iteration->broken_reason, reply->broken);
	copy_text(iteration->owner_what, reply->owner_what);
}

static int call_iteration(struct keeper_client *client, LwpKeeperRequest *request,
			  struct keeper_iteration *ret_iteration)
{
	LwpKeeperReply *reply;
	int ret = exchange(client, request, -1, &reply, NULL);

	if (ret)
		return ret;
	ret = reply->result;
	if (!ret || ret == -EBUSY)
		copy_iteration(reply, ret_iteration);
	lwp_keeper_reply__free_unpacked(reply, NULL);
	return ret;
}

int keeper_begin(struct keeper_client *client, const char *what,
		 struct keeper_iteration *ret_iteration)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_BEGIN;
	request.what = (char *)what;
	return call_iteration(client, &request, ret_iteration);
}

int keeper_take(struct keeper_client *client)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_TAKE;
	return call(client, &request, -1);
}

int keeper_commit(struct keeper_client *client, uint64_t sequence)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_COMMIT;
	request.has_sequence = true;
	request.sequence = sequence;
	return call(client, &request, -1);
}

static void name_task(LwpKeeperRequest *request, LwpKeeperKind kind, pid_t pid, uint64_t start_time)
{
	request->kind = kind;
	request->has_pid = request->has_start_time = true;
	request->pid = pid;
	request->start_time = start_time;
}

int keeper_add_task(struct keeper_client *client, pid_t pid, uint64_t start_time,
		    const char *tracker, int uffd)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	name_task(&request, LWP_KEEPER_KIND__LWP_KEEPER_ADD_TASK, pid, start_time);
	request.tracker = (char *)tracker;
	return call(client, &request, uffd);
}

int keeper_get_fd(struct keeper_client *client, pid_t pid, uint64_t start_time, int *ret_uffd)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;
	auto_close int fd = -1;
	LwpKeeperReply *reply;
	int ret;

	name_task(&request, LWP_KEEPER_KIND__LWP_KEEPER_GET_FD, pid, start_time);
	ret = exchange(client, &request, -1, &reply, &fd);
	if (ret)
		return ret;
	ret = reply->result;
	lwp_keeper_reply__free_unpacked(reply, NULL);
	if (!ret && fd < 0)
		ret = -EPROTO;
	if (!ret)
		*ret_uffd = take_fd(&fd);
	return ret;
}

int keeper_set_task(struct keeper_client *client, pid_t pid, uint64_t start_time,
		    const char *tracker, uint64_t vmas, const char *warning)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	name_task(&request, LWP_KEEPER_KIND__LWP_KEEPER_SET_TASK, pid, start_time);
	request.tracker = (char *)tracker;
	request.has_vmas = true;
	request.vmas = vmas;
	request.warning = (char *)warning;
	return call(client, &request, -1);
}

int keeper_drop_task(struct keeper_client *client, pid_t pid)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;

	name_task(&request, LWP_KEEPER_KIND__LWP_KEEPER_DROP_TASK, pid, 0);
	return call(client, &request, -1);
}

int keeper_stop(struct keeper_client *client, struct keeper_iteration *ret_iteration)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;
	LwpKeeperReply *reply;
	int ret;

	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_STOP;
	ret = call_iteration(client, &request, ret_iteration);
	if (ret)
		return ret;
	/* Its end closes the connection: after that the kernel has dropped every registration. */
	ret = receive_reply(client, &reply, NULL);
	if (ret == -EPIPE || ret == -ECONNRESET)
		return 0;
	if (!ret)
		lwp_keeper_reply__free_unpacked(reply, NULL);
	return ret ? ret : -EPROTO;
}

static int append_tasks(const LwpKeeperReply *reply, struct keeper_state *state)
{
	struct keeper_task *tasks = reallocarray(state->tasks, state->nr_tasks + reply->n_tasks,
						 sizeof(*tasks));

	if (!tasks && reply->n_tasks)
		return -ENOMEM;
	state->tasks = tasks;
	for (size_t i = 0; i < reply->n_tasks; i++) {
		struct keeper_task *task = &tasks[state->nr_tasks++];

		*task = (struct keeper_task){ .pid = reply->tasks[i]->pid,
					      .start_time = reply->tasks[i]->start_time,
					      .vmas = reply->tasks[i]->vmas };
		copy_text(task->tracker, reply->tasks[i]->tracker);
		copy_text(task->warning, reply->tasks[i]->warning);
	}
	return 0;
}

/* One portion of the tasks; 1 if there may be more. */
static int get_portion(struct keeper_client *client, struct keeper_state *state)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;
	LwpKeeperReply *reply;
	int ret;

	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_GET_STATE;
	request.has_first_task = true;
	request.first_task = state->nr_tasks;
	ret = exchange(client, &request, -1, &reply, NULL);
	if (ret)
		return ret;
	ret = reply->result;
	if (!ret) {
		state->root = reply->root_pid;
		state->keeper = reply->keeper_pid;
		copy_iteration(reply, &state->iteration);
		ret = append_tasks(reply, state);
	}
	if (!ret)
		ret = reply->n_tasks && state->nr_tasks < reply->nr_tasks;
	lwp_keeper_reply__free_unpacked(reply, NULL);
	return ret;
}

int keeper_get_state(struct keeper_client *client, struct keeper_state *ret_state)
{
	struct keeper_state state = { 0 };
	int ret;

	do
		ret = get_portion(client, &state);
	while (ret > 0);
	if (ret)
		keeper_state_free(&state);
	else
		*ret_state = state;
	return ret;
}

void keeper_state_free(struct keeper_state *state)
{
	free(state->tasks);
	*state = (struct keeper_state){ 0 };
}

void keeper_disconnect(struct keeper_client *client)
{
	if (!client)
		return;
	if (client->socket >= 0) {
		/* Forked children of the caller may have copies: it ends for them, too. */
		shutdown(client->socket, SHUT_RDWR);
		close(client->socket);
	}
	free(client);
}
