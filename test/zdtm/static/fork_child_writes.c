// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Pages written by a forked child, at once and one iteration later";
const char *test_author = "criu-lazy-wp";

/* Step n: every fourth page from page n of both areas. */
static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	for (int shape = 0; shape < SHAPES; shape++)
		for (size_t page = (size_t)step; page < PAGES; page += 4)
			area_fill(&areas[shape], page, 1, 2 + (unsigned int)step);
	return 0;
}

static void change(int shape)
{
	child_start(&children[shape], act);
	for (int child = 0; child <= shape; child++)
		child_do(&children[child], shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
