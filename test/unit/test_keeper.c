// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real lazy-wpd and its client, in a run directory of their own. The tree is a child that does
 * nothing; it dies with us, and the keeper with it, so that a failing test leaves no process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/kcmp.h>
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper.pb-c.h"
#include "keeper/client/keeper-client.h"
#include "track/uffd.h"
#include "track/vma.h"
#include "util/cleanup.h"
#include "util/process.h"

#include "test_keeper_world.h"

#include "test_keeper_garbage.h"

static void test_second_start_finds_the_first(void **state)
{
	struct keeper_client *none = NULL;

	(void)state;
	assert_int_equal(keeper_connect(&world.tree, &none), -ENOENT);

	auto_client *first = start(), *second = start();
	auto_state keeper = get_state(first);

	assert_int_equal(keeper.root, world.root);
	assert_int_equal(keeper.nr_tasks, 0);
	assert_int_equal(keeper.iteration.owner_pid, 0);
	assert_int_equal(keeper.iteration.last_committed, 0);
	assert_false(keeper.iteration.broken);
	assert_int_equal(keeper.keeper, keeper_pid(second));
	assert_int_not_equal(keeper.keeper, getpid());
}

/* Waits for the gate to close, then starts a keeper and reports its pid. */
static pid_t fork_starter(const int gate[2], int report)
{
	pid_t child = fork(), keeper;
	struct keeper_client *client;
	struct keeper_state found;
	char byte;

	if (child)
		return child;
	close(gate[1]);
	if (read(gate[0], &byte, 1) || keeper_start(&world.tree, daemon_path, &client) ||
	    keeper_get_state(client, &found))
		_exit(1);
	keeper = found.keeper;
	_exit(write(report, &keeper, sizeof(keeper)) != sizeof(keeper));
}

#define STARTERS 4

static void start_at_once(void)
{
	pid_t starters[STARTERS], keepers[STARTERS];
	int gate[2], report[2], status;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(report), 0);
	for (int i = 0; i < STARTERS; i++)
		starters[i] = fork_starter(gate, report[1]);
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < STARTERS; i++) {
		assert_int_equal(waitpid(starters[i], &status, 0), starters[i]);
		assert_int_equal(status, 0);
		assert_int_equal(read(report[0], &keepers[i], sizeof(pid_t)), sizeof(pid_t));
		assert_int_equal(keepers[i], keepers[0]);
	}
	close(report[0]);
	close(report[1]);
}

static void test_concurrent_starts_give_one_keeper(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct keeper_iteration iteration;

		start_at_once();
		auto_client *client = start();

		assert_int_equal(keeper_stop(client, &iteration), 0);
	}
}

static void test_one_iteration_at_a_time(void **state)
{
	auto_client *first = start(), *second = connect_again();
	struct keeper_iteration iteration = { 0 };

	(void)state;
	assert_int_equal(keeper_take(first), -EPERM);
	assert_int_equal(keeper_commit(first, 1), -EPERM);
	assert_int_equal(keeper_begin(first, "pre-dump", &iteration), 0);
	assert_int_equal(keeper_begin(second, "dump", &iteration), -EBUSY);
	assert_int_equal(iteration.owner_pid, getpid());
	assert_string_equal(iteration.owner_what, "pre-dump");
	assert_int_equal(keeper_take(second), -EPERM);
	assert_int_equal(keeper_commit(second, 1), -EPERM);
	assert_int_equal(keeper_stop(second, &iteration), -EBUSY);
	assert_int_equal(iteration.owner_pid, getpid());
	assert_int_equal(keeper_take(first), 0);
	assert_int_equal(keeper_commit(first, 0), -ESTALE);
	assert_int_equal(keeper_commit(first, 2), -ESTALE);
	assert_int_equal(keeper_commit(first, 1), 0);
	assert_int_equal(keeper_commit(first, 2), -EPERM); /* it is over */
	assert_int_equal(keeper_begin(second, "dump", &iteration), 0);
	assert_int_equal(iteration.sequence, 2);
	assert_int_equal(iteration.last_committed, 1);
	assert_false(iteration.broken);
}

/* Begins as a process of its own, takes if told so, and is killed. */
static pid_t kill_an_owner(bool take)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		struct keeper_client *client;
		struct keeper_iteration iteration;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (keeper_connect(&world.tree, &client) ||
		    keeper_begin(client, "dump", &iteration) || (take && keeper_take(client)) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	end_child(child);
	return child;
}

/* At once: the end of an owner that is gone counts before any later request. */
static struct keeper_iteration begin_at_once(struct keeper_client *client)
{
	struct keeper_iteration iteration = { 0 };

	assert_int_equal(keeper_begin(client, "dump", &iteration), 0);
	return iteration;
}

static void test_owner_killed_before_taking(void **state)
{
	auto_client *client = start();
	struct keeper_iteration iteration;

	(void)state;
	kill_an_owner(false);
	iteration = begin_at_once(client);
	assert_false(iteration.broken);
	assert_string_equal(iteration.broken_reason, "");
}

static void test_owner_killed_while_taking(void **state)
{
	auto_client *client = start(), *later = connect_again();
	struct keeper_iteration iteration;
	char owner[32];

	(void)state;
	snprintf(owner, sizeof(owner), "process %d", kill_an_owner(true));
	iteration = begin_at_once(client);
	assert_true(iteration.broken);
	assert_non_null(strstr(iteration.broken_reason, owner));
	assert_non_null(strstr(iteration.broken_reason, "dump"));
	assert_int_equal(iteration.last_committed, 0);
	keeper_disconnect(client); /* nothing taken, nothing committed: broken stays */
	client = NULL;
	iteration = begin_at_once(later);
	assert_true(iteration.broken);
	assert_int_equal(iteration.sequence,
			 3); /* those of the failed ones are never given again */
	assert_int_equal(keeper_take(later), 0);
	assert_int_equal(keeper_commit(later, 1), -ESTALE);
	assert_int_equal(keeper_commit(later, 3), 0);
	iteration = begin_at_once(later);
	assert_false(iteration.broken);
	assert_int_equal(iteration.last_committed, 3);
}

static void test_userfaultfd_comes_back(void **state)
{
	auto_client *client = start();
	auto_close int uffd = syscall(SYS_userfaultfd, track_uffd_flags());
	auto_close int copy = -1;
	uint64_t mine = start_time_of(getpid());

	(void)state;
	if (uffd < 0)
		skip();
	assert_int_equal(keeper_get_fd(client, getpid(), mine, &copy), -ENOENT);
	assert_int_equal(keeper_add_task(client, getpid(), mine, "uffd-wp", -1), -EINVAL);
	assert_int_equal(keeper_add_task(client, getpid(), mine + 1, "uffd-wp", uffd), -ESRCH);
	assert_int_equal(keeper_add_task(client, getpid(), mine, "uffd-wp", uffd), 0);
	assert_int_equal(keeper_get_fd(client, getpid(), mine + 1, &copy), -ENOENT);
	assert_int_equal(copy, -1);
	assert_int_equal(keeper_get_fd(client, getpid(), mine, &copy), 0);
	assert_int_not_equal(copy, uffd);
	assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, uffd, copy), 0);
	assert_int_equal(keeper_drop_task(client, getpid()), 0);
	assert_int_equal(keeper_drop_task(client, getpid()), 0); /* unknown by now: ignored */
	assert_int_equal(keeper_get_fd(client, getpid(), mine, &copy), -ENOENT);
}

static void test_dead_task_is_refused(void **state)
{
	auto_client *client = start();
	auto_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t child = fork_idle();
	uint64_t born = start_time_of(child);

	(void)state;
	end_child(child);
	assert_int_equal(keeper_add_task(client, child, born, "uffd-wp", fd), -ESRCH);
	assert_int_equal(keeper_set_task(client, child, born, "off", 1, NULL), -ESRCH);
}

/* Any descriptor will do: the other end of a pipe tells when the keeper closes its copy. */
static int give_pipe(struct keeper_client *client, pid_t task)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(keeper_add_task(client, task, start_time_of(task), "uffd-wp", ends[1]), 0);
	close(ends[1]);
	assert_false(is_readable(ends[0], 0));
	return ends[0];
}

static void test_descriptor_goes_with_its_task(void **state)
{
	auto_client *client = start();
	pid_t child = fork_idle();
	auto_close int of_child = give_pipe(client, child);
	auto_close int replaced = give_pipe(client, getpid());
	auto_close int dropped = give_pipe(client, getpid());

	(void)state;
	assert_true(is_readable(replaced, DEADLINE_MS));
	assert_false(is_readable(of_child, 0));
	end_child(child);
	assert_true(is_readable(of_child, DEADLINE_MS));

	auto_state keeper = get_state(client);

	assert_int_equal(keeper.nr_tasks, 1);
	assert_int_equal(keeper.tasks[0].pid, getpid());
	assert_false(is_readable(dropped, 0));
	assert_int_equal(keeper_drop_task(client, getpid()), 0);
	assert_true(is_readable(dropped, 0));
}

#define MANY (KEEPER_TASKS_PER_REPLY + 10)

static void test_state_of_many_tasks(void **state)
{
	auto_client *client = start();
	pid_t children[MANY];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		children[i] = fork_idle();
		assert_int_equal(keeper_set_task(client, children[i], start_time_of(children[i]),
						 "off", i, i % 2 ? "odd" : NULL),
				 0);
	}
	auto_state keeper = get_state(client);

	assert_int_equal(keeper.nr_tasks, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(keeper.tasks[i].pid, children[i]);
		assert_int_equal(keeper.tasks[i].vmas, i);
		assert_string_equal(keeper.tasks[i].tracker, "off");
		assert_string_equal(keeper.tasks[i].warning, i % 2 ? "odd" : "");
	}
	for (size_t i = 0; i < MANY; i++)
		end_child(children[i]);
}

static void test_keeper_ends_with_the_root(void **state)
{
	auto_client *client = start();

	(void)state;
	assert_int_equal(keeper_take(client), -EPERM); /* it serves */
	end_root();
	assert_true(is_readable(world.keeper_pidfd, DEADLINE_MS));
	assert_int_equal(access(directory, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_killed_keeper_is_replaced(void **state)
{
	auto_client *old = start(), *none = NULL;
	auto_state before = get_state(old);
	struct keeper_iteration iteration;

	(void)state;
	assert_int_equal(keeper_begin(old, "dump", &iteration), 0);
	assert_int_equal(keeper_commit(old, 1), 0);
	assert_int_equal(syscall(SYS_pidfd_send_signal, world.keeper_pidfd, SIGKILL, NULL, 0), 0);
	assert_true(is_readable(world.keeper_pidfd, DEADLINE_MS));
	assert_true(keeper_get_state(old, &before) < 0);
	assert_int_equal(keeper_connect(&world.tree, &none), -ENOENT);

	auto_client *new = start();

	assert_int_equal(keeper_begin(new, "dump", &iteration), 0);
	assert_memory_not_equal(iteration.session, before.iteration.session, KEEPER_SESSION_BYTES);
	assert_int_equal(iteration.last_committed, 0);
	assert_false(iteration.broken);
}

static void test_open_directory_is_refused(void **state)
{
	struct keeper_client *client = NULL;

	(void)state;
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(keeper_start(&world.tree, daemon_path, &client), -EACCES);
	assert_null(client);
	assert_int_equal(chmod(directory, 0700), 0);
}

static void test_daemon_that_does_not_come_up(void **state)
{
	struct keeper_client *client = NULL;

	(void)state;
	assert_int_equal(keeper_start(&world.tree, "/bin/false", &client), -ENOEXEC);
	assert_int_equal(keeper_start(&world.tree, "/nonexistent/lazy-wpd", &client), -ENOENT);
	assert_null(client);
}

static size_t registered_mappings(void)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	size_t nr = 0;

	assert_int_equal(track_vmas_read(getpid(), true, &vmas), 0);
	for (size_t i = 0; i < vmas.nr; i++)
		nr += !!(vmas.v[i].flags & TRACK_VMA_UFFD_WP);
	return nr;
}

/* One page of ours, registered by a userfaultfd that only the keeper has then. */
static void give_registered_page(struct keeper_client *client, pid_t task, void *page)
{
	auto_close int uffd = syscall(SYS_userfaultfd, track_uffd_flags());

	assert_int_equal(track_uffd_init(uffd), 0);
	assert_int_equal(track_uffd_register(uffd, (uintptr_t)page,
					     (uintptr_t)page + getpagesize()),
			 0);
	assert_int_equal(keeper_add_task(client, task, start_time_of(task), "uffd-wp", uffd), 0);
}

#define GUARDED 50

/* When keeper_stop() returns, the kernel has dropped every registration. */
static void test_stop_waits_for_the_end(void **state)
{
	auto_close int uffd = syscall(SYS_userfaultfd, track_uffd_flags());
	size_t size = GUARDED * getpagesize();
	auto_client *client = start(), *later = NULL, *none = NULL;
	struct keeper_iteration iteration;
	pid_t children[GUARDED];
	uint8_t *memory;

	(void)state;
	if (uffd < 0 || track_uffd_init(uffd))
		skip();
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	for (size_t i = 0; i < GUARDED; i++) {
		children[i] = fork_idle();
		give_registered_page(client, children[i], memory + i * getpagesize());
	}
	assert_int_equal(registered_mappings(), GUARDED);
	later = connect_again();
	assert_int_equal(keeper_stop(later, &iteration), 0);
	assert_int_equal(registered_mappings(), 0);
	assert_int_equal(keeper_connect(&world.tree, &none), -ENOENT);
	assert_true(is_readable(world.keeper_pidfd, DEADLINE_MS));
	for (size_t i = 0; i < GUARDED; i++)
		end_child(children[i]);
	munmap(memory, size);
}

static size_t count_descriptors(pid_t pid)
{
	auto_closedir DIR *dir = NULL;
	char path[64];
	size_t nr = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		nr++;
	return nr; /* 0: not allowed to look; the keeper is not dumpable */
}

static void test_garbage_does_no_harm(void **state)
{
	auto_client *client = start();
	pid_t keeper = keeper_pid(client);
	size_t before, after;
	struct keeper_iteration iteration;

	(void)state;
	assert_int_equal(keeper_begin(client, "dump", &iteration), 0);
	before = count_descriptors(keeper);
	assert_true(pour_garbage() > 10);
	assert_int_equal(keeper_pid(client), keeper);
	for (int i = 0; (after = count_descriptors(keeper)) != before && i < 1000; i++)
		poll(NULL, 0, DEADLINE_MS / 1000); /* until it has read the end of the last one */
	assert_int_equal(after, before);
	assert_int_equal(keeper_take(client), 0); /* what was begun is still ours */
	assert_int_equal(keeper_commit(client, 1), 0);

	auto_state found = get_state(client);

	assert_int_equal(found.nr_tasks, 0);
	assert_int_equal(found.iteration.last_committed, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_second_start_finds_the_first),
		CASE(test_concurrent_starts_give_one_keeper),
		CASE(test_one_iteration_at_a_time),
		CASE(test_owner_killed_before_taking),
		CASE(test_owner_killed_while_taking),
		CASE(test_userfaultfd_comes_back),
		CASE(test_dead_task_is_refused),
		CASE(test_descriptor_goes_with_its_task),
		CASE(test_state_of_many_tasks),
		CASE(test_keeper_ends_with_the_root),
		CASE(test_killed_keeper_is_replaced),
		CASE(test_open_directory_is_refused),
		CASE(test_daemon_that_does_not_come_up),
		CASE(test_stop_waits_for_the_end),
		CASE(test_garbage_does_no_harm),
	};

	if (find_daemon()) {
		fprintf(stderr, "%s is missing: build it first\n", daemon_path);
		return 1;
	}
	printf("seed %u\n", SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
