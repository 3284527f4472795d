// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Armed pages shared with a forked child, written by the parent alone";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	return step == STEP_CHECK && fork_check();
}

/* The pages of the other shape's area are written by nobody, shared or not. */
static void change(int shape)
{
	child_start(&children[shape], act);
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(&areas[shape], page, 1, 2);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
