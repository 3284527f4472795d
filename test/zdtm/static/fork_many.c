// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Fifty children, each with one page of its own to write";
const char *test_author = "criu-lazy-wp";

#define CHILDREN 50

static struct child many[CHILDREN];

/* Step n of shape 0, step CHILDREN + n of shape 1: page n. */
static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	area_fill(&areas[step / CHILDREN], (size_t)(step % CHILDREN), 1, 3);
	return 0;
}

static void change(int shape)
{
	for (int child = 0; child < CHILDREN; child++)
		child_do(&many[child], shape * CHILDREN + child);
}

int main(int argc, char **argv)
{
	int wrong = 0;

	test_init(argc, argv);
	fork_areas();
	for (int child = 0; child < CHILDREN; child++)
		child_start(&many[child], act);
	test_daemon();
	run_shapes(change);
	for (int child = 0; child < CHILDREN; child++) {
		wrong |= child_do(&many[child], STEP_CHECK);
		child_end(&many[child]);
	}
	return wrong || areas_verdict(areas);
}
