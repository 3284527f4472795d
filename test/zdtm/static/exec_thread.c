// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "exec.h"

const char *test_doc = "A thread other than the leader executes its program again";
const char *test_author = "criu-lazy-wp";

static void *exec_here(void *generation)
{
	exec_again(*(const unsigned int *)generation);
	return NULL;
}

static int act(int step)
{
	unsigned int generation = (unsigned int)step;
	pthread_t thread;

	if (step == STEP_CHECK)
		return fork_check();
	must(!pthread_create(&thread, NULL, exec_here, &generation), "a thread");
	pthread_join(thread, NULL);
	return 1;
}

static void change(int shape)
{
	child_do(&children[0], 2 + shape);
}

int main(int argc, char **argv)
{
	if (exec_was_again(argc, argv, act))
		return 0;
	test_init(argc, argv);
	fork_areas();
	exec_child_start(&children[0]);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
