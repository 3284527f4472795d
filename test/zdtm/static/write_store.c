// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "Pages written by ordinary stores, one in four";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static struct area areas[SHAPES];

static void change(int shape)
{
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(&areas[shape], page, 1, 2);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
