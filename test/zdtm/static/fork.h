/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of fork: the areas before it, and a child for each of them. A child has copies of
 * both areas and of what is expected of them, and checks them as its own.
 */
#ifndef ZDTM_FORK_H
#define ZDTM_FORK_H

#include "children.h"

#define PAGES 64

static struct area areas[SHAPES];
static struct child children[SHAPES];

static inline void fork_areas(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
}

static inline int fork_check(void)
{
	return area_check(&areas[0], "forked before the next pre-dump") ||
	       area_check(&areas[1], "forked after the last pre-dump");
}

/* The children that are left, then the parent's own areas. */
static inline int fork_verdict(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		if (children[shape].pid && child_do(&children[shape], STEP_CHECK))
			return 1;
		if (children[shape].pid)
			child_end(&children[shape]);
	}
	return areas_verdict(areas);
}

#endif
