// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Child, grandchild and great-grandchild by fork, each with pages of its own";
const char *test_author = "criu-lazy-wp";

#define GENERATIONS 3

static int depth; /* of the process that looks */
static struct child below;

/* Every fourth page from its depth on is its own; the rest is its ancestors'. */
static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check() || (below.pid && child_do(&below, STEP_CHECK));
	for (size_t page = (size_t)depth; page < PAGES; page += 4)
		area_fill(&areas[step], page, 1, 1 + (unsigned int)depth);
	return below.pid ? child_do(&below, step) : 0;
}

static int start_and_act(int step)
{
	if (step == STEP_CHECK || below.pid || depth == GENERATIONS)
		return act(step);
	depth++;
	child_start(&below, start_and_act);
	depth--;
	return act(step);
}

static void change(int shape)
{
	start_and_act(shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	if (child_do(&below, STEP_CHECK))
		return 1;
	child_end(&below);
	return areas_verdict(areas);
}
