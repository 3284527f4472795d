// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Pages shared by fork: written by the parent first, the child first, both";
const char *test_author = "criu-lazy-wp";

/* Pages in groups of four: child first, parent first, child alone, nobody. */
static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	for (size_t page = 0; page < PAGES; page += 4) {
		area_fill(&areas[step], page, 2, 2);
		area_fill(&areas[step], page + 2, 1, 3);
	}
	return 0;
}

static void parent_writes(int shape, size_t first)
{
	for (size_t page = first; page < PAGES; page += 4)
		area_fill(&areas[shape], page, 1, 4);
}

static void change(int shape)
{
	child_start(&children[shape], act);
	parent_writes(shape, 1);
	child_do(&children[shape], shape);
	parent_writes(shape, 0);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
