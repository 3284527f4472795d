// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "A forked child writes and ends before the next iteration; then its parent "
		       "writes pages that are its own again";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	area_fill(&areas[step], 0, PAGES / 2, 3);
	return 0;
}

/* Quarters: child and parent, child alone, parent alone, nobody. */
static void change(int shape)
{
	struct child child;

	child_start(&child, act);
	child_do(&child, shape);
	child_end(&child);
	area_fill(&areas[shape], 0, PAGES / 4, 2);
	area_fill(&areas[shape], PAGES / 2, PAGES / 4, 2);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
