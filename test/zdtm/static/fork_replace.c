// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Between two iterations one child ends and another one joins";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	for (int shape = 0; shape < SHAPES; shape++)
		area_fill(&areas[shape], (size_t)step, PAGES / 2, (unsigned int)step);
	return 0;
}

static void change(int shape)
{
	child_end(&children[0]);
	area_fill(&areas[shape], 0, PAGES / 4, 2);
	child_start(&children[0], act);
	child_do(&children[0], 4 + shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	child_start(&children[0], act);
	child_do(&children[0], 3);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
