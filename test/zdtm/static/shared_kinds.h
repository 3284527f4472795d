/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared memory of one kind or another: half of it is written by this process, a quarter by a
 * child that lives all the time, a quarter not at all. The test defines map_shared().
 */
#ifndef ZDTM_SHARED_KINDS_H
#define ZDTM_SHARED_KINDS_H

#include <signal.h>
#include <sys/wait.h>

#include "memory.h"

#include "lock.h" /* needs the one above, in CRIU's tree */

#define PAGES 64

static void *map_shared(int shape);

static struct area areas[SHAPES];
static futex_t *child_step;

static void child_writes(int shape)
{
	area_fill(&areas[shape], PAGES / 2, PAGES / 4, 2);
}

/* Steps 1 and 11 tell the child to write an area, which it answers with 10 and 20. */
static int child_main(void)
{
	for (uint32_t shape = 0; shape < SHAPES; shape++) {
		futex_wait_while_lt(child_step, shape * 10 + 1);
		child_writes((int)shape);
		futex_set_and_wake(child_step, shape * 10 + 10);
	}
	pause();
	return 0;
}

static void change(int shape)
{
	area_fill(&areas[shape], 0, PAGES / 2, 2);
	futex_set_and_wake(child_step, (uint32_t)shape * 10 + 1);
	futex_wait_while(child_step, (uint32_t)shape * 10 + 1);
	area_expect(&areas[shape], PAGES / 2, PAGES / 4, 2);
#ifdef AFTER_CHANGE
	if (AFTER_CHANGE(areas[shape].memory, PAGES * page_size()))
		pr_perror("after the change");
#endif
}

static int shared_main(int argc, char **argv)
{
	pid_t child;

	test_init(argc, argv);
	child_step = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			  0);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_use(&areas[shape], map_shared(shape), PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	futex_set(child_step, 0);
	child = test_fork();
	if (child == 0)
		_exit(child_main());
	test_daemon();
	run_shapes(change);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return areas_verdict(areas);
}

#endif
