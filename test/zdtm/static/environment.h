/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of unusual environments: a child enters one and then goes on as any other, writing a
 * part of its pages between the iterations. What it wrote is checked by itself, inside.
 */
#ifndef ZDTM_ENVIRONMENT_H
#define ZDTM_ENVIRONMENT_H

#include "fork.h"

#define STEP_ENTER 50

/* Is it (still) in its environment? Asked before the first and after each pre-dump. */
static bool is_inside(void);

/* For the child; false: this machine has no such environment. */
static bool enter(void);

static int environment_act(int step)
{
	if (step == STEP_ENTER)
		return !enter() || !is_inside();
	if (step == STEP_CHECK)
		return fork_check();
	if (!is_inside())
		return fail("not in its environment any more");
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(&areas[step], page, 1, 2);
	return 0;
}

static void environment_change(int shape)
{
	child_do(&children[0], shape);
}

static inline int environment_main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	child_start(&children[0], environment_act);
	if (child_do(&children[0], STEP_ENTER)) {
		skip("%s: not possible here", test_doc);
		return 1;
	}
	test_daemon();
	run_shapes(environment_change);
	return fork_verdict();
}

#endif
