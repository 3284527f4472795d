// SPDX-License-Identifier: GPL-2.0-only
/* Stopping a tree without a trace: everything stands still, and everything goes on as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static long test_ptrace(int request, pid_t tid, long address, long data);

#include <sys/ptrace.h>
#define ptrace(request, tid, address, data) test_ptrace(request, tid, (long)(address), (long)(data))
#include "cli/verify-stop.c"
#undef ptrace

#define NR_THREADS 3 /* of each of the two processes, beside the main one */
#define COUNTERS   (2 * NR_THREADS)
#define TIMEOUT_MS 10000

/* Shared with the tree. */
struct board {
	volatile uint64_t counter[COUNTERS]; /* each thread counts as fast as it can */
	volatile uint64_t signals;
};

struct fixture {
	struct board *board;
	pid_t root;
	int ready;
};

static struct board *board; /* for the signal handler in the tree */

static pid_t signalled; /* gets SIGUSR1 right after it was seized; 0: nobody does */

static void on_signal(int signal)
{
	(void)signal;
	board->signals++;
}

static void *count(void *counter)
{
	for (;;) {
		++*(volatile uint64_t *)counter;
		sched_yield();
	}
	return NULL;
}

static void run_process(int first_counter, int ready)
{
	const struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < NR_THREADS; i++)
		if (pthread_create(&thread, NULL, count,
				   (void *)&board->counter[first_counter + i]))
			_exit(1);
	if (write(ready, "y", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void run_root(int ready)
{
	pid_t child = fork();

	run_process(child ? 0 : NR_THREADS, ready);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int ready[2];
	char byte;

	fixture->board = board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(board != MAP_FAILED);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	fixture->root = fork();
	if (!fixture->root)
		run_root(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	fixture->ready = ready[0];
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char byte;

	kill(fixture->root, SIGKILL);
	waitpid(fixture->root, NULL, 0);
	/* The child dies with its parent; its end of the pipe closes last. */
	assert_int_equal(read(fixture->ready, &byte, 1), 0);
	close(fixture->ready);
	munmap(fixture->board, sizeof(*fixture->board));
	free(fixture);
	return 0;
}

static void wait_for(volatile uint64_t *value, uint64_t above)
{
	int64_t deadline_ms = now_ms() + TIMEOUT_MS;

	while (*value <= above) {
		assert_true(now_ms() < deadline_ms);
		sched_yield();
	}
}

static void wait_for_state(pid_t pid, char wanted)
{
	int64_t deadline_ms = now_ms() + TIMEOUT_MS;
	struct process_info info;

	do {
		assert_true(now_ms() < deadline_ms);
		assert_int_equal(process_read(pid, &info), 0);
	} while (info.state != wanted);
}

/*
 * A signal that comes between PTRACE_SEIZE and PTRACE_INTERRUPT stops the thread in the middle
 * of its delivery. That window is a microsecond wide: here it is sure to be met.
 */
static long test_ptrace(int request, pid_t tid, long address, long data)
{
	long ret = ptrace(request, tid, address, data);

	if (!ret && request == PTRACE_SEIZE && tid == signalled) {
		tgkill(tid, tid, SIGUSR1); /* kill() may choose another thread of the process */
		wait_for_state(tid, 't');
	}
	return ret;
}

static void expect_all_running(void)
{
	for (int i = 0; i < COUNTERS; i++)
		wait_for(&board->counter[i], board->counter[i]);
}

static void expect_all_still(void)
{
	const struct timespec a_while = { .tv_nsec = 50 * 1000000L };
	struct board before;

	memcpy(&before, (void *)board, sizeof(before));
	nanosleep(&a_while, NULL);
	assert_memory_equal(&before, (void *)board, sizeof(before));
}

static void stop(const struct fixture *fixture, struct verify_stopped *ret_stopped)
{
	struct image_error error = { "" };
	int ret = verify_stop_tree(fixture->root, ret_stopped, &error);

	if (ret)
		fail_msg("%d: %s", ret, error.text);
	assert_int_equal(ret_stopped->nr, 2 * (NR_THREADS + 1));
}

static void test_stop_and_go(void **state)
{
	struct verify_stopped stopped;

	expect_all_running();
	for (int i = 0; i < 20; i++) {
		stop(*state, &stopped);
		if (i % 10 == 0)
			expect_all_still();
		verify_release(&stopped);
	}
	expect_all_running();
}

/* A signal that was being delivered, and one that comes while all stand still: each once. */
static void test_signals(void **state)
{
	const struct fixture *fixture = *state;
	struct verify_stopped stopped;

	for (uint64_t i = 0; i < 40; i += 2) {
		signalled = fixture->root;
		stop(fixture, &stopped);
		signalled = 0;
		assert_int_equal(board->signals, i);
		verify_release(&stopped);
		wait_for(&board->signals, i);
		stop(fixture, &stopped);
		kill(fixture->root, SIGUSR1);
		verify_release(&stopped);
		wait_for(&board->signals, i + 1);
	}
	assert_int_equal(board->signals, 40);
}

/* A task that was stopped by job control stays so, until SIGCONT. */
static void test_group_stopped(void **state)
{
	const struct fixture *fixture = *state;
	struct verify_stopped stopped;

	kill(fixture->root, SIGSTOP);
	wait_for_state(fixture->root, 'T');
	stop(fixture, &stopped);
	verify_release(&stopped);
	wait_for_state(fixture->root, 'T');
	kill(fixture->root, SIGCONT);
	expect_all_running();
}

/* The stopper is killed: the kernel lets the tree go, with the signal that was on its way. */
static void test_stopper_killed(void **state)
{
	const struct fixture *fixture = *state;
	int pipe_fds[2];
	pid_t stopper;
	char byte;

	for (uint64_t i = 0; i < 50; i++) {
		assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
		stopper = fork();
		if (!stopper) {
			struct verify_stopped stopped;
			int ret;

			signalled = fixture->root;
			ret = verify_stop_tree(fixture->root, &stopped, NULL);

			if (write(pipe_fds[1], ret ? "n" : "y", 1) == 1)
				for (;;)
					pause();
			_exit(1);
		}
		assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
		assert_int_equal(byte, 'y');
		kill(stopper, SIGKILL);
		waitpid(stopper, NULL, 0);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		wait_for(&board->signals, i);
	}
	assert_int_equal(board->signals, 50);
	expect_all_running();
}

static void test_traced_already(void **state)
{
	const struct fixture *fixture = *state;
	struct verify_stopped stopped;
	struct image_error error = { "" };
	int pipe_fds[2];
	pid_t tracer;
	char byte, expected[64];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	tracer = fork();
	if (!tracer) {
		byte = ptrace(PTRACE_SEIZE, fixture->root, 0, 0) ? 'n' : 'y';
		if (write(pipe_fds[1], &byte, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(verify_stop_tree(fixture->root, &stopped, &error), -EBUSY);
	snprintf(expected, sizeof(expected), "by process %d", tracer);
	assert_non_null(strstr(error.text, expected));
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	expect_all_running();
}

static void test_refusals(void **state)
{
	struct verify_stopped stopped;
	struct image_error error = { "" };
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(verify_stop_tree(getpid(), &stopped, &error), -EDEADLK);
	waitpid(child, NULL, 0);
	assert_int_equal(verify_stop_tree(child, &stopped, &error), -ESRCH);
	expect_all_running();
}

/* On arm64 nothing tells an EINTR of a stop from one of a signal. */
static void test_waiting(void **state)
{
	struct verify_stopped stopped;
	struct image_error error = { "" };
	pid_t child;

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	child = fork();
	if (!child) {
		struct epoll_event event;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, 60000) ? 1 : 0);
	}
	for (int i = 0; i < 20; i++) {
		wait_for_state(child, 'S');
		assert_int_equal(verify_stop_tree(child, &stopped, &error), 0);
		verify_release(&stopped);
	}
	wait_for_state(child, 'S');
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_TREE(test_stop_and_go),    WITH_TREE(test_signals),
		WITH_TREE(test_group_stopped),  WITH_TREE(test_stopper_killed),
		WITH_TREE(test_traced_already), WITH_TREE(test_refusals),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests_name("verify_stop", tests, NULL, NULL);
}
