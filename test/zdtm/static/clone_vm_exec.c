// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <sys/prctl.h>

#include "exec.h"

const char *test_doc = "A tracked process executes itself again while another one goes on in its "
		       "old memory, at the same addresses";
const char *test_author = "criu-lazy-wp";

#define STACK_BYTES (256 * 1024)
#define STEP_SHARE  50

static int stayer_ends[2], exec_ends[2];

/* In the old memory: children[1] of the test. */
static int stay(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	area_fill(&areas[step], 0, PAGES / 2, 7);
	return 0;
}

static int stay_behind(void *argument)
{
	(void)argument;
	child_serve(stayer_ends[0], stayer_ends[1], stay);
	syscall(SYS_exit, 0);
	return 0;
}

static int act(int step)
{
	char *stack;

	if (step == STEP_CHECK)
		return fork_check();
	if (step == STEP_SHARE) {
		stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		must(stack != MAP_FAILED, "a stack");
		return clone(stay_behind, stack + STACK_BYTES, CLONE_VM | SIGCHLD, NULL) < 0;
	}
	if (!step)
		exec_again(2);
	area_fill(&areas[step], 0, PAGES / 4, 3);
	return 0;
}

/* Made by fork alone: it has the pipes of the process that it will make. */
static void start(void)
{
	pid_t pid;

	child_pipes(&children[1], stayer_ends);
	child_pipes(&children[0], exec_ends);
	pid = fork();
	if (!pid) {
		for (int shape = 0; shape < SHAPES; shape++)
			munmap(areas[shape].memory, PAGES * page_size());
		exec_areas(1);
		exec_state = (struct exec_state){ exec_ends[0], exec_ends[1], 1 };
		child_serve(exec_ends[0], exec_ends[1], act);
		_exit(0);
	}
	child_forked(&children[0], pid, exec_ends);
	close(stayer_ends[0]);
	close(stayer_ends[1]);
	must(!child_do(&children[0], STEP_SHARE), "clone");
	children[1].pid = -1; /* reaped as ours when its parent is gone */
}

static void change(int shape)
{
	child_do(&children[0], shape);
	child_do(&children[1], shape);
}

int main(int argc, char **argv)
{
	if (exec_was_again(argc, argv, act))
		return 0;
	test_init(argc, argv);
	must(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "PR_SET_CHILD_SUBREAPER");
	fork_areas();
	start();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
