// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "fork.h"

const char *test_doc = "Threads write while the leader sleeps";
const char *test_author = "criu-lazy-wp";

#define THREADS 4

static struct child threads[THREADS]; /* the same pipes, without a process */
static int ends[THREADS][2];
static int numbers[THREADS];

static __thread int own_number;

static int act(int step)
{
	for (size_t page = (size_t)own_number; page < PAGES; page += 2 * THREADS)
		area_fill(&areas[step], page, 1, 2 + (unsigned int)own_number);
	return 0;
}

static void *serve(void *number)
{
	own_number = *(const int *)number;
	child_serve(ends[own_number][0], ends[own_number][1], act);
	return NULL;
}

static void change(int shape)
{
	for (int i = 0; i < THREADS; i++)
		child_do(&threads[i], shape);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	fork_areas();
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		child_pipes(&threads[i], ends[i]);
		must(!pthread_create(&thread, NULL, serve, &numbers[i]), "a thread");
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
