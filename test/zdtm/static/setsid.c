// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Children change their session and process group between iterations";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	must(step ? !setpgid(0, 0) : setsid() == getpid(), "leaving the group");
	area_fill(&areas[step], 0, PAGES / 2, 2);
	return 0;
}

static void change(int shape)
{
	child_do(&children[shape], shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	for (int shape = 0; shape < SHAPES; shape++)
		child_start(&children[shape], act);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
