// SPDX-License-Identifier: GPL-2.0-only
/* The keeper and its client when something else goes wrong: lost owners, late replies, limits. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper.pb-c.h"
#include "keeper/client/connection.h"
#include "keeper/client/keeper-client.h"
#include "ptrace-inject/inject.h"
#include "track/uffd.h"
#include "track/vma.h"
#include "util/cleanup.h"
#include "util/process.h"

#include "test/unit/test_keeper_world.h"

static void keeper_signal(int signal)
{
	assert_int_equal(syscall(SYS_pidfd_send_signal, world.keeper_pidfd, signal, NULL, 0), 0);
}

/* An owner that has taken pages, and a child of its own that keeps a copy of the connection. */
static pid_t fork_owner(int ready, const int held[2])
{
	pid_t owner = fork();
	char byte;

	assert_true(owner >= 0);
	if (!owner) {
		struct keeper_iteration iteration;
		struct keeper_client *client;

		close(held[1]);
		if (keeper_connect(&world.tree, &client) ||
		    keeper_begin(client, "dump", &iteration) || keeper_take(client))
			_exit(1);
		if (!fork())
			_exit(write(ready, "", 1) != 1 || read(held[0], &byte, 1) != 0);
		for (;;)
			pause();
	}
	return owner;
}

static void test_killed_owner_with_a_child_is_released(void **state)
{
	auto_client *client = start();
	struct keeper_iteration iteration;
	int ready[2], held[2], ret;
	char byte, by[32];
	pid_t owner;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	owner = fork_owner(ready[1], held);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(keeper_begin(client, "pre-dump", &iteration), -EBUSY);
	assert_int_equal(iteration.owner_pid, owner);
	end_child(owner);
	/* It may be asked before it has noticed. */
	for (int i = 0; (ret = keeper_begin(client, "pre-dump", &iteration)) == -EBUSY && i < 1000;
	     i++)
		;
	close(held[1]); /* ends the child, also if the test fails now */
	close(held[0]);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(ret, 0);
	assert_true(iteration.broken);
	snprintf(by, sizeof(by), "process %d", owner);
	assert_non_null(strstr(iteration.broken_reason, by));
}

static void test_late_reply_is_nobodys(void **state)
{
	auto_client *client = start(), *other = NULL;
	struct keeper_iteration iteration;

	(void)state;
	assert_int_equal(keeper_begin(client, "dump", &iteration), 0);
	keeper_signal(SIGSTOP);
	assert_int_equal(keeper_take(client), -ETIMEDOUT);
	keeper_signal(SIGCONT);
	/* The other's answer comes after the late one has been sent. */
	other = connect_again();
	assert_true(keeper_pid(other) > 0);
	assert_int_equal(keeper_commit(client, iteration.sequence), -ENOTCONN);
	assert_int_equal(keeper_take(client), -ENOTCONN);

	auto_state found = get_state(other);

	assert_int_equal(found.iteration.last_committed, 0);
}

#define NR_TASKS  40
#define AREA_SIZE ((size_t)1 << 20)

/* Registers the child's copy of a mapping of ours; only the keeper has the userfaultfd then. */
static void give_area(struct keeper_client *client, pid_t child, const void *area)
{
	uint64_t start = (uintptr_t)area;
	auto_close int uffd = -1;

	assert_int_equal(inject_userfaultfd(child, track_uffd_flags(), &uffd), 0);
	assert_int_equal(track_uffd_init(uffd), 0);
	assert_int_equal(track_uffd_register(uffd, start, start + AREA_SIZE), 0);
	assert_int_equal(keeper_add_task(client, child, start_time_of(child), "uffd-wp", uffd), 0);
}

static size_t registered_tasks(const pid_t children[NR_TASKS])
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_TASKS; i++) {
		auto_track_vmas struct track_vmas vmas = { 0 };
		bool registered = false;

		assert_int_equal(track_vmas_read(children[i], true, &vmas), 0);
		for (size_t j = 0; j < vmas.nr; j++)
			registered |= !!(vmas.v[j].flags & TRACK_VMA_UFFD_WP);
		nr += registered;
	}
	return nr;
}

/* Waits until the keeper, which is traced, is about to end, with all that is still open. */
static void wait_for_exit_event(pid_t keeper)
{
	int status;

	assert_int_equal(waitpid(keeper, &status, __WALL), keeper);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/* The bare exchange, without the wait for the keeper's end. */
static void stop_without_waiting(struct keeper_client *client)
{
	static uint8_t bytes[KEEPER_PACKET_MAX];
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;
	int fd = -1;

	request.version = KEEPER_PROTOCOL_VERSION;
	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_STOP;
	assert_int_equal(keeper_wire_send(client->socket, bytes,
					  lwp_keeper_request__pack(&request, bytes), -1),
			 0);
	assert_true(keeper_wire_receive(client->socket, bytes, &fd) > 0);
}

/*
 * A process that ends closes its descriptors in an order of its own: the end of the connection,
 * which keeper_stop() waits for, proves nothing. So all must be done before the answer.
 */
static bool write_protect_works(void)
{
	auto_close int uffd = (int)syscall(SYS_userfaultfd, track_uffd_flags());

	return uffd >= 0 && !track_uffd_init(uffd);
}

static void test_stop_unregisters_before_it_answers(void **state)
{
	auto_client *client = start(), *later = NULL;
	pid_t children[NR_TASKS];
	pid_t keeper = keeper_pid(client);
	size_t registered;
	void *area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);

	(void)state;
	if (!write_protect_works())
		skip(); /* before Linux 6.7, on arm64 6.10 */
	assert_ptr_not_equal(area, MAP_FAILED);
	for (size_t i = 0; i < NR_TASKS; i++) {
		children[i] = fork_idle();
		give_area(client, children[i], area);
	}
	assert_int_equal(registered_tasks(children), NR_TASKS);
	later = connect_again();
	assert_int_equal(ptrace(PTRACE_SEIZE, keeper, NULL, PTRACE_O_TRACEEXIT), 0);
	stop_without_waiting(later);
	wait_for_exit_event(keeper);
	registered = registered_tasks(children);
	assert_int_equal(ptrace(PTRACE_DETACH, keeper, NULL, NULL), 0);
	assert_int_equal(registered, 0);
	for (size_t i = 0; i < NR_TASKS; i++)
		end_child(children[i]);
	munmap(area, AREA_SIZE);
}

static volatile sig_atomic_t nr_sigchld;

static void count_sigchld(int signal)
{
	(void)signal;
	nr_sigchld++;
}

static void test_start_is_not_seen_by_the_caller(void **state)
{
	struct sigaction count = { .sa_handler = count_sigchld },
			 ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	auto_client *client = NULL, *again = NULL;
	struct keeper_iteration iteration;

	(void)state;
	sigaction(SIGCHLD, &count, &before);
	client = start();
	assert_int_equal(nr_sigchld, 0);
	assert_int_equal(keeper_stop(client, &iteration), 0);
	assert_true(is_readable(world.keeper_pidfd, DEADLINE_MS));
	sigaction(SIGCHLD, &ignore, NULL);
	again = start();
	sigaction(SIGCHLD, &before, NULL);
}

#define LIMIT     100 /* leaves room for a few tasks */
#define TASKS_MAX 60

/* By a child, because lowering the hard limit cannot be undone without CAP_SYS_RESOURCE. */
static struct keeper_client *start_limited(void)
{
	const struct rlimit few = { LIMIT, LIMIT };
	struct keeper_client *client;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		_exit(setrlimit(RLIMIT_NOFILE, &few) ||
		      keeper_start(&world.tree, daemon_path, &client));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return start();
}

static void assert_answers(size_t nr_tasks)
{
	auto_client *client = connect_again();
	auto_state found = get_state(client);

	assert_int_equal(found.nr_tasks, nr_tasks);
}

static void test_full_keeper_still_answers(void **state)
{
	auto_client *client = start_limited();
	auto_close int uffd = syscall(SYS_userfaultfd, track_uffd_flags());
	struct keeper_client *idle[20];
	struct keeper_iteration iteration;
	pid_t children[TASKS_MAX];
	size_t nr = 0;
	int ret = 0;

	(void)state;
	assert_int_equal(keeper_begin(client, "dump", &iteration), 0);
	while (!ret && nr < TASKS_MAX) {
		children[nr] = fork_idle();
		ret = keeper_add_task(client, children[nr], start_time_of(children[nr]), "uffd-wp",
				      uffd);
		nr++;
	}
	assert_int_equal(ret, -ENOSPC);
	assert_true(nr > 1);
	for (size_t i = 0; i < 20; i++)
		idle[i] = connect_again();
	assert_answers(nr - 1);
	for (size_t i = 0; i < 20; i++)
		keeper_disconnect(idle[i]);
	/* What one task has left, another can have. */
	assert_int_equal(keeper_drop_task(client, children[0]), 0);
	assert_int_equal(keeper_add_task(client, children[nr - 1], start_time_of(children[nr - 1]),
					 "uffd-wp", uffd),
			 0);
	while (nr)
		end_child(children[--nr]);
}

/* Lines of /proc/PID/cgroup, except the topmost cgroups. */
static size_t shared_cgroups(pid_t a, pid_t b)
{
	char path[2][64], line[2][PATH_MAX];
	auto_fclose FILE *first = NULL, *second = NULL;
	size_t nr = 0;

	snprintf(path[0], sizeof(path[0]), "/proc/%d/cgroup", a);
	snprintf(path[1], sizeof(path[1]), "/proc/%d/cgroup", b);
	first = fopen(path[0], "re");
	second = fopen(path[1], "re");
	assert_true(first && second);
	while (fgets(line[0], PATH_MAX, first) && fgets(line[1], PATH_MAX, second))
		nr += !strcmp(line[0], line[1]) && strcmp(strrchr(line[0], ':'), ":/\n");
	return nr;
}

/* Whoever runs the tests may be in the topmost cgroups only: then there is nothing to see. */
static void test_keeper_leaves_the_cgroups_of_its_tree(void **state)
{
	auto_client *client = NULL;

	(void)state;
	if (!shared_cgroups(getpid(), world.root))
		skip();
	client = start();
	assert_int_equal(shared_cgroups(keeper_pid(client), world.root), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_killed_owner_with_a_child_is_released),
		CASE(test_late_reply_is_nobodys),
		CASE(test_stop_unregisters_before_it_answers),
		CASE(test_start_is_not_seen_by_the_caller),
		CASE(test_full_keeper_still_answers),
		CASE(test_keeper_leaves_the_cgroups_of_its_tree),
	};
	int uffd = syscall(SYS_userfaultfd, track_uffd_flags());

	if (uffd < 0) {
		printf("userfaultfd() does not work here: %s\n", strerror(errno));
		return 77;
	}
	close(uffd);
	if (find_daemon()) {
		fprintf(stderr, "%s is missing: build it first\n", daemon_path);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
