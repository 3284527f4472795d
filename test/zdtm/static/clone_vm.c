// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>

#include "fork.h"

const char *test_doc = "Two processes with one memory (CLONE_VM without CLONE_THREAD), both write";
const char *test_author = "criu-lazy-wp";

#define STACK_BYTES (256 * 1024)

static int ends[2];

static int act(int step)
{
	area_fill(&areas[step], 0, PAGES / 4, 2);
	return 0;
}

/* No child_enter(): its descriptors are its own, but their numbers stand in the one memory. */
static int share_memory(void *argument)
{
	(void)argument;
	child_serve(ends[0], ends[1], act);
	syscall(SYS_exit, 0);
	return 0;
}

static void start(void)
{
	char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	must(stack != MAP_FAILED, "a stack");
	child_pipes(&children[0], ends);
	child_forked(&children[0],
		     clone(share_memory, stack + STACK_BYTES, CLONE_VM | SIGCHLD, NULL), ends);
}

/* CRIU cannot dump two processes with one memory: the second one ends before the dump. */
static void change(int shape)
{
	child_do(&children[0], shape);
	area_fill(&areas[shape], PAGES / 4, PAGES / 4, 3);
	if (shape)
		child_end(&children[0]);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	start();
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
