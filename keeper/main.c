// SPDX-License-Identifier: GPL-2.0-only
/*
 * lazy-wpd ROOT STARTTIME IDLE: started by a client with the listening socket as descriptor 3, its
 * standard descriptors on /dev/null and nothing else open. Ends when the root of its tree ends,
 * when told to, or after IDLE seconds (0: any time) without a client.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "keeper/cgroup.h"
#include "keeper/server.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/process.h"

#define LISTEN_FD              3
#define KEEPER_CONNECTIONS_MAX 64

/* Connections, the owner's and root's pidfds, what is on its way. Without these left over, no
 * client could be accepted any more, and accept() would be tried for ever. */
#define KEEPER_RESERVED_DESCRIPTORS (KEEPER_CONNECTIONS_MAX + 16)

struct daemon_state {
	struct keeper_server server;
	int root_pidfd;
	int idle_ms;        /* -1: no limit */
	uint64_t active_us; /* when there last was an iteration (or the start); CLOCK_MONOTONIC */
	struct keeper_connection *connections[KEEPER_CONNECTIONS_MAX];
	size_t nr_connections;
};

/* Appends one line to the file named by LAZY_WPD_LOG, if any. */
static void log_event(const char *what, pid_t peer)
{
	const char *path = getenv("LAZY_WPD_LOG");
	auto_close int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		dprintf(fd, "lazy-wpd %d: %s (process %d)\n", getpid(), what, peer);
}

static void drop_connection(struct daemon_state *state, size_t index)
{
	struct keeper_connection *connection = state->connections[index];

	keeper_server_forget(&state->server, connection);
	close(connection->socket);
	free(connection);
	state->connections[index] = state->connections[--state->nr_connections];
}

static bool is_welcome(int socket, struct ucred *ret_peer)
{
	socklen_t len = sizeof(*ret_peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, ret_peer, &len))
		return false;
	return ret_peer->uid == geteuid() || !ret_peer->uid;
}

static void accept_connection(struct daemon_state *state)
{
	auto_close int socket = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct keeper_connection *connection;
	struct ucred peer;

	if (socket < 0)
		return;
	if (!is_welcome(socket, &peer) || state->nr_connections == KEEPER_CONNECTIONS_MAX) {
		log_event("connection refused", peer.pid);
		return;
	}
	connection = malloc(sizeof(*connection));
	if (!connection)
		return;
	*connection = (struct keeper_connection){ .socket = take_fd(&socket), .peer = peer.pid };
	state->connections[state->nr_connections++] = connection;
}

/* False: the connection is at its end, or talks nonsense. */
static bool serve(struct daemon_state *state, struct keeper_connection *connection)
{
	static uint8_t packet[KEEPER_PACKET_MAX];
	int fd = -1;
	ssize_t len = keeper_wire_receive(connection->socket, packet, &fd);

	if (len == -EAGAIN)
		return true;
	if (len <= 0) {
		if (fd >= 0)
			close(fd);
		if (len == -EMSGSIZE)
			log_event("oversized packet, connection closed", connection->peer);
		return false;
	}
	if (keeper_server_handle(&state->server, connection, packet, len, fd))
		return true;
	log_event("bad packet, connection closed", connection->peer);
	return false;
}

/* Listen socket, root, owner (-1 is ignored), connections, tasks: in this order. */
#define NR_FIXED 3

static struct pollfd *poll_list(const struct daemon_state *state, size_t *ret_nr)
{
	const struct keeper_tasks *tasks = &state->server.tasks;
	size_t nr = 0;
	struct pollfd *fds = calloc(NR_FIXED + state->nr_connections + tasks->nr, sizeof(*fds));

	if (!fds)
		return NULL;
	fds[nr++] = (struct pollfd){ .fd = LISTEN_FD, .events = POLLIN };
	fds[nr++] = (struct pollfd){ .fd = state->root_pidfd, .events = POLLIN };
	fds[nr++] = (struct pollfd){ .fd = state->server.owner_pidfd, .events = POLLIN };
	for (size_t i = 0; i < state->nr_connections; i++)
		fds[nr++] = (struct pollfd){ .fd = state->connections[i]->socket,
					     .events = POLLIN };
	for (size_t i = 0; i < tasks->nr; i++)
		fds[nr++] = (struct pollfd){ .fd = tasks->v[i].pidfd, .events = POLLIN };
	*ret_nr = nr;
	return fds;
}

/* events 0: has it hung up? */
static bool has_event(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return fd >= 0 && poll(&poll_fd, 1, 0) == 1;
}

/* The connection of an owner that has died, if a forked child of it keeps a copy open. */
static bool is_orphaned(const struct daemon_state *state,
			const struct keeper_connection *connection)
{
	return connection == state->server.owner && has_event(state->server.owner_pidfd, POLLIN);
}

/*
 * Connections whose peer is gone come before all others: an iteration that died with its owner
 * must have ended when the next one asks. They are looked at anew, because poll() is no snapshot:
 * an end that came before a request may have been missed while the request was seen. What the
 * peer said last (a commit) still counts.
 */
static bool handle_hangups(struct daemon_state *state)
{
	bool any = false;

	for (size_t i = state->nr_connections; i-- > 0;) {
		const struct keeper_connection *connection = state->connections[i];

		if (!has_event(connection->socket, 0) && !is_orphaned(state, connection))
			continue;
		while (has_event(connection->socket, POLLIN) && serve(state, state->connections[i]))
			;
		drop_connection(state, i);
		any = true;
	}
	return any;
}

/*
 * Backwards, because dropping one moves the last into its place; tasks first, because connections
 * add and drop tasks. After a hangup fds does not fit any more: poll again.
 */
static void handle_events(struct daemon_state *state, const struct pollfd *fds, size_t nr)
{
	size_t nr_connections = state->nr_connections;

	for (size_t i = nr; i-- > NR_FIXED + nr_connections;)
		if (fds[i].revents)
			keeper_tasks_drop(&state->server.tasks,
					  &state->server.tasks.v[i - NR_FIXED - nr_connections]);
	if (handle_hangups(state))
		return;
	for (size_t i = NR_FIXED + nr_connections; i-- > NR_FIXED;)
		if (fds[i].revents && !serve(state, state->connections[i - NR_FIXED]))
			drop_connection(state, i - NR_FIXED);
	if (fds[0].revents)
		accept_connection(state);
}

/*
 * For poll(). Connections that begin no iteration (status, the start of other keepers) do not make
 * a tree less idle, but none is cut off: an iteration may take longer than the limit, between two
 * requests, too.
 */
static int idle_left_ms(const struct daemon_state *state)
{
	int64_t left_ms = state->idle_ms +
			  ((int64_t)state->active_us - (int64_t)clock_us(CLOCK_MONOTONIC)) / 1000;

	if (state->nr_connections || state->idle_ms < 0)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}

static void run(struct daemon_state *state)
{
	state->active_us = clock_us(CLOCK_MONOTONIC);
	while (!state->server.stopping) {
		size_t nr;
		auto_free struct pollfd *fds = poll_list(state, &nr);
		int ready = fds ? poll(fds, nr, idle_left_ms(state)) : 0;
		bool active = state->server.owner;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || fds[1].revents)
			return;
		handle_events(state, fds, nr);
		if (active || state->server.owner)
			state->active_us = clock_us(CLOCK_MONOTONIC);
	}
}

/*
 * Before the socket closes: once nobody can connect, a new keeper may take its name. The
 * directory goes with the last keeper, unless somebody is just starting one in it.
 */
static void remove_socket(void)
{
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address);
	auto_close int dir = -1;
	char *path = address.sun_path;

	if (getsockname(LISTEN_FD, (struct sockaddr *)&address, &len) || !path[0])
		return;
	unlink(path);
	path = dirname(path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && !flock(dir, LOCK_EX | LOCK_NB))
		rmdir(path);
}

/* Returns how many tasks there are descriptors for. */
static size_t raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < KEEPER_RESERVED_DESCRIPTORS)
		return 0;
	return (files.rlim_cur - KEEPER_RESERVED_DESCRIPTORS) / 2; /* pidfd and userfaultfd */
}

static void prepare_process(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); /* what it holds reads and writes other tasks' memory state */
}

static int find_root(struct daemon_state *state, const char *pid, const char *start_time)
{
	uint64_t found;

	state->server.root = atoi(pid);
	state->root_pidfd = syscall(SYS_pidfd_open, state->server.root, 0);
	if (state->root_pidfd < 0)
		return -errno;
	if (process_start_time(state->server.root, &found) ||
	    found != strtoull(start_time, NULL, 10))
		return -ESRCH;
	return 0;
}

int main(int argc, char **argv)
{
	static struct daemon_state state;
	struct stat st;

	if (argc != 4 || fstat(LISTEN_FD, &st) || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "Error: lazy-wpd is started by criu --lazy-wp, not by hand\n");
		return 1;
	}
	prepare_process();
	state.server.owner_pidfd = -1;
	state.idle_ms = atoi(argv[3]) ? atoi(argv[3]) * 1000 : -1;
	state.server.tasks.max = raise_descriptor_limit();
	keeper_leave_cgroups_of(atoi(argv[1]));
	if (!find_root(&state, argv[1], argv[2]) &&
	    getrandom(state.server.session, KEEPER_SESSION_BYTES, 0) == KEEPER_SESSION_BYTES)
		run(&state);
	/* Now and not at exit: a client that sees our end must find every registration dropped. */
	while (state.server.tasks.nr)
		keeper_tasks_drop(&state.server.tasks, state.server.tasks.v);
	remove_socket();
	return 0;
}
