// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding and starting keepers. Sockets lie in a directory that only this user can enter; the
 * directory's lock makes "look, remove a dead one's socket, start a new one" one step.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/client/connection.h"
#include "keeper/client/keeper-client.h"
#include "keeper/client/run-directory.h"
#include "util/cleanup.h"
#include "util/fault.h"
#include "util/process.h"

#define SOCKET_SUFFIX ".sock"

static unsigned int idle_limit_s = KEEPER_IDLE_S;

void keeper_set_idle_limit(unsigned int seconds)
{
	idle_limit_s = seconds;
}

unsigned int keeper_get_idle_limit(void)
{
	return idle_limit_s;
}

static int socket_address(const char *dir, const char *name, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, name);

	if (len >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	*ret_address = address;
	return 0;
}

static int tree_address(const struct keeper_tree *tree, struct sockaddr_un *ret_address)
{
	char dir[RUN_DIRECTORY_MAX], name[64];
	int ret = keeper_run_directory(dir);

	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%" PRIx64 "-%d-%" PRIx64 SOCKET_SUFFIX, tree->namespace,
		 tree->root, tree->start_time);
	return socket_address(dir, name, ret_address);
}

int keeper_tree_of(pid_t root, struct keeper_tree *ret_tree)
{
	struct keeper_tree tree = { .root = root };
	struct stat st;
	int ret = process_start_time(root, &tree.start_time);

	if (ret)
		return ret;
	if (stat("/proc/self/ns/pid", &st))
		return -errno;
	tree.namespace = st.st_ino;
	*ret_tree = tree;
	return 0;
}

static int connect_address(const struct sockaddr_un *address, struct keeper_client **ret_client)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval deadline = { .tv_sec = KEEPER_DEADLINE_MS / 1000 };
	struct keeper_client *client;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	client = malloc(sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->socket = take_fd(&fd);
	*ret_client = client;
	return 0;
}

int keeper_connect(const struct keeper_tree *tree, struct keeper_client **ret_client)
{
	struct sockaddr_un address;
	char path[RUN_DIRECTORY_MAX];
	auto_close int dir = -1;
	int ret = keeper_run_directory(path);

	if (ret)
		return ret;
	dir = keeper_open_run_directory(path);
	if (dir < 0)
		return dir;
	ret = tree_address(tree, &address);
	return ret ? ret : connect_address(&address, ret_client);
}

/* In the child's child: only calls that are safe between fork and exec. */
static void execute(const char *daemon, int socket, char *const args[])
{
	int null = open("/dev/null", O_RDWR);

	socket = fcntl(socket, F_DUPFD, 4); /* out of the way: it may be one of the first three */
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(socket, 3);
	syscall(SYS_close_range, 4, ~0u, 0);
	if (!chdir("/"))
		execv(daemon, args);
	_exit(127);
}

/*
 * fork() without a signal to us when the child ends (clone(2), exit signal 0), and whatever we do
 * with SIGCHLD: CRIU has a handler, and who inherited SIG_IGN over exec could not wait for it.
 */
static pid_t fork_silently(void)
{
	return syscall(SYS_clone, 0, 0, 0, 0, 0);
}

/* Two forks: the daemon is nobody's child here, and only init ever reaps it. */
static int spawn(const char *daemon, int socket, const struct keeper_tree *tree)
{
	char root[16], start_time[32], idle_limit[16];
	char *const args[] = { "lazy-wpd", root, start_time, idle_limit, NULL };
	pid_t child;
	int status;

	snprintf(root, sizeof(root), "%d", tree->root);
	snprintf(start_time, sizeof(start_time), "%" PRIu64, tree->start_time);
	snprintf(idle_limit, sizeof(idle_limit), "%u", idle_limit_s);
	child = fork_silently();
	if (child < 0)
		return -errno;
	if (!child) {
		setsid();
		if (!fork_silently())
			execute(daemon, socket, args);
		_exit(0);
	}
	while (waitpid(child, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int listen_at(const struct sockaddr_un *address)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	unlink(address->sun_path); /* a dead keeper's: we hold the lock and could not connect */
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) || listen(fd, 16))
		return -errno;
	return take_fd(&fd);
}

static int start_locked(const struct keeper_tree *tree, const char *daemon,
			const struct sockaddr_un *address, struct keeper_client **ret_client)
{
	struct keeper_client *client;
	struct keeper_state state;
	auto_close int socket = -1;
	int ret = connect_address(address, ret_client);

	if (ret != -ENOENT)
		return ret;
	if (access(daemon, X_OK))
		return errno == EACCES ? -ENOEXEC : -errno;
	socket = listen_at(address);
	if (socket < 0)
		return socket;
	/* Connected before the fork: the connection waits in the socket's queue until it is served. */
	ret = connect_address(address, &client);
	if (ret)
		return ret;
	ret = fault_error("start-before") ?: spawn(daemon, socket, tree);
	fault_point("start-after");
	close(take_fd(&socket));
	if (!ret)
		ret = keeper_get_state(client, &state);
	if (ret) {
		keeper_disconnect(client);
		unlink(address->sun_path);
		return ret == -ECONNRESET || ret == -EPIPE ? -ENOEXEC : ret;
	}
	keeper_state_free(&state);
	*ret_client = client;
	return 0;
}

/* Calls each for every socket in the directory path; dir is consumed. */
static int for_each_socket(const char *path, int dir_fd,
			   int (*each)(const struct sockaddr_un *address, void *arg), void *arg)
{
	auto_closedir DIR *dir = fdopendir(dir_fd);
	struct sockaddr_un address;
	struct dirent *entry;
	int ret = 0;

	while (dir && !ret && (entry = readdir(dir))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (suffix && !strcmp(suffix, SOCKET_SUFFIX) &&
		    !socket_address(path, entry->d_name, &address))
			ret = each(&address, arg);
	}
	return ret;
}

/* What a keeper that was killed left behind. Only under the lock: a new one may be about to listen. */
static int remove_if_dead(const struct sockaddr_un *address, void *arg)
{
	struct keeper_client *client;
	int ret = connect_address(address, &client);

	(void)arg;
	if (ret == -ENOENT)
		unlink(address->sun_path);
	else if (!ret)
		keeper_disconnect(client);
	return 0;
}

const char *keeper_strerror(int error)
{
	switch (error) {
	case -ENOEXEC:
		return "it cannot be executed, or ended at once";
	case -EACCES:
		return geteuid() ?
			       "no place for its socket that is this user's alone: set XDG_RUNTIME_DIR to a directory that only this user can write to, where criu-lazy-wp, if it is there, has mode 0700" :
			       "/run/criu-lazy-wp ($LAZY_WP_RUNDIR) must be root's and of mode 0700: change that, or remove it";
	case -ENAMETOOLONG:
		return "the path of its socket is too long: $XDG_RUNTIME_DIR ($LAZY_WP_RUNDIR) must be shorter";
	default:
		return strerror(-error);
	}
}

int keeper_start(const struct keeper_tree *tree, const char *daemon,
		 struct keeper_client **ret_client)
{
	char path[RUN_DIRECTORY_MAX];
	struct sockaddr_un address;
	auto_close int dir = -1;
	int ret = keeper_run_directory(path);

	if (ret)
		return ret;
	dir = keeper_lock_run_directory(path);
	if (dir < 0)
		return dir;
	for_each_socket(path, keeper_open_run_directory(path), remove_if_dead, NULL);
	ret = tree_address(tree, &address);
	return ret ? ret : start_locked(tree, daemon, &address, ret_client);
}

struct visitor {
	int (*visit)(struct keeper_client *client, void *arg);
	void *arg;
};

static int visit_socket(const struct sockaddr_un *address, void *arg)
{
	const struct visitor *visitor = arg;
	struct keeper_client *client;
	int ret;

	if (connect_address(address, &client)) /* dead: whoever starts the next one removes it */
		return 0;
	ret = visitor->visit(client, visitor->arg);
	keeper_disconnect(client);
	return ret;
}

int keeper_list(int (*visit)(struct keeper_client *client, void *arg), void *arg)
{
	struct visitor visitor = { visit, arg };
	char path[RUN_DIRECTORY_MAX];
	int fd, ret = keeper_run_directory(path);

	if (ret)
		return ret;
	fd = keeper_open_run_directory(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	ret = for_each_socket(path, fd, visit_socket, &visitor);
	return ret < 0 ? ret : 0;
}
