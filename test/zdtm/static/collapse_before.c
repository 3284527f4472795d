// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_COLLAPSE before anything is tracked, then small writes";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static void setup(struct area *area)
{
	setup_thp(area);
	MUST(madvise(area->memory, HUGE_SIZE, MADV_NOHUGEPAGE));
	MUST(madvise(area->memory, HUGE_SIZE, MADV_DONTNEED));
	area_fill(area, 0, area->pages, 1);
	MUST(madvise(area->memory, HUGE_SIZE, MADV_HUGEPAGE));
	if (madvise(area->memory, HUGE_SIZE, MADV_COLLAPSE)) {
		skip("MADV_COLLAPSE does not work here");
		exit(1);
	}
}

static void change(struct area *area)
{
	for (size_t page = 0; page < area->pages; page += 64)
		area_fill(area, page, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
