// SPDX-License-Identifier: GPL-2.0-only
#include "exec.h"

const char *test_doc = "A process executes itself again: other memory at the same addresses";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	exec_again((unsigned int)step);
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
