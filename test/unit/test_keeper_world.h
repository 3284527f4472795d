/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of test_keeper.c, included once after cmocka: a run directory of its own, a root that
 * does nothing, and the keeper started last. Nothing of it outlives tear_down().
 */
#ifndef LAZY_WP_TEST_KEEPER_WORLD_H
#define LAZY_WP_TEST_KEEPER_WORLD_H

#define DEADLINE_MS 10000
#define SEED        20240607u

static char daemon_path[PATH_MAX + 32];
static char directory[] = "/tmp/lwp-XXXXXX";

struct world {
	pid_t root;
	struct keeper_tree tree;
	int keeper_pidfd; /* of the keeper started last, or -1 */
};

static struct world world;

static pid_t fork_idle(void)
{
	pid_t parent = getpid(), child = fork();

	assert_true(child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static void end_child(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static uint64_t start_time_of(pid_t pid)
{
	uint64_t start_time = 0;

	assert_int_equal(process_start_time(pid, &start_time), 0);
	return start_time;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	if (!mkdtemp(directory) || setenv("LAZY_WP_RUNDIR", directory, 1))
		return -1;
	world = (struct world){ .root = fork_idle(), .keeper_pidfd = -1 };
	return keeper_tree_of(world.root, &world.tree);
}

static void end_root(void)
{
	if (world.root)
		end_child(world.root);
	world.root = 0;
}

/* The root's end is the keeper's end, and with the last keeper the directory goes. */
static int tear_down(void **state)
{
	(void)state;
	end_root();
	if (world.keeper_pidfd >= 0 && !is_readable(world.keeper_pidfd, DEADLINE_MS))
		return -1;
	util_close_cleanup(&world.keeper_pidfd);
	return rmdir(directory) && errno != ENOENT ? -1 : 0;
}

static void disconnect(struct keeper_client **client)
{
	keeper_disconnect(*client);
}
#define auto_client __attribute__((cleanup(disconnect))) struct keeper_client

static struct keeper_state get_state(struct keeper_client *client)
{
	struct keeper_state keeper = { 0 };

	assert_int_equal(keeper_get_state(client, &keeper), 0);
	return keeper;
}
#define auto_state __attribute__((cleanup(keeper_state_free))) struct keeper_state

static pid_t keeper_pid(struct keeper_client *client)
{
	auto_state keeper = get_state(client);

	return keeper.keeper;
}

static struct keeper_client *start(void)
{
	struct keeper_client *client = NULL;

	assert_int_equal(keeper_start(&world.tree, daemon_path, &client), 0);
	util_close_cleanup(&world.keeper_pidfd);
	world.keeper_pidfd = syscall(SYS_pidfd_open, keeper_pid(client), 0);
	assert_true(world.keeper_pidfd >= 0);
	return client;
}

static struct keeper_client *connect_again(void)
{
	struct keeper_client *client = NULL;

	assert_int_equal(keeper_connect(&world.tree, &client), 0);
	return client;
}

static int find_daemon(void)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	snprintf(daemon_path, sizeof(daemon_path), "%s/../../bin/lazy-wpd", dirname(self));
	return access(daemon_path, X_OK) ? -errno : 0;
}

#endif
