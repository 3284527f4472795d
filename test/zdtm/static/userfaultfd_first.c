// SPDX-License-Identifier: GPL-2.0-only
#include "userfaultfd.h"

const char *test_doc = "A task with a userfaultfd of its own, opened before the first pre-dump";
const char *test_author = "criu-lazy-wp";

#define STEP_OPEN 50
#define STEP_USE  51

static struct own own;
static struct area its; /* handled by its thread */

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check() || area_check(&its, "handled by its own userfaultfd");
	if (step == STEP_OPEN) {
		area_map(&its, PAGES);
		if (!own_open(&own) || own_register(&own, &its))
			return 1;
		own_start(&own, &its);
		return 0;
	}
	if (step == STEP_USE)
		return own_use(&own, 0, PAGES / 4);
	area_fill(&areas[step], 0, PAGES / 2, 2);
	if (own_use(&own, (size_t)(step + 1) * PAGES / 4, PAGES / 4))
		return 1;
	if (step == SHAPES - 1) /* CRIU cannot dump it */
		own_stop(&own);
	return 0;
}

static void change(int shape)
{
	child_do(&children[0], shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	child_start(&children[0], act);
	if (child_do(&children[0], STEP_OPEN)) {
		skip("no userfaultfd with missing and write-protect modes here");
		return 1;
	}
	child_do(&children[0], STEP_USE);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
