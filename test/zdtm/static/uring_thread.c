// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <sched.h>

#include "uring_own_memory.h"

#include "lock.h" /* needs the one above, in CRIU's tree */

const char *test_doc = "io_uring whose descriptor only a thread with descriptors of its own has";
const char *test_author = "criu-lazy-wp";

/* 1: the rings are made; then 10 and 20 tell the thread to use one, and it answers 11 and 21. */
static futex_t step;

static void *thread_main(void *unused)
{
	if (unshare(CLONE_FILES))
		pr_perror("unshare");
	for (int shape = 0; shape < SHAPES; shape++)
		set_up(shape);
	futex_set_and_wake(&step, 1);
	for (int shape = 0; shape < SHAPES; shape++) {
		futex_wait_while_lt(&step, 10 * (uint32_t)shape + 10);
		answer_request(shape);
		futex_set_and_wake(&step, 10 * (uint32_t)shape + 11);
	}
	test_waitsig();
	return unused;
}

static void change(int shape)
{
	futex_set_and_wake(&step, 10 * (uint32_t)shape + 10);
	futex_wait_while_lt(&step, 10 * (uint32_t)shape + 11);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	if (pthread_create(&thread, NULL, thread_main, NULL))
		pr_perror("pthread_create");
	futex_wait_while_lt(&step, 1);
	test_daemon();
	run_shapes(change);
	pthread_join(thread, NULL);
	if (check_answer(0) || check_answer(1))
		return 1;
	pass();
	return 0;
}
