// SPDX-License-Identifier: GPL-2.0-only
#include <malloc.h>

#include "setups.h"

const char *test_doc = "The heap grows, shrinks and grows again";
const char *test_author = "criu-lazy-wp";

/*
 * Page-aligned memory of the heap, which malloc() must not extend any more: change() would take away
 * what lies behind (localtime(3), for each line of the log, allocates).
 */
static void setup(struct area *area)
{
	uintptr_t end = (uintptr_t)sbrk(0);
	intptr_t gap = (intptr_t)(-end & (page_size() - 1));

	mallopt(M_MMAP_THRESHOLD, 0);
	MUST(sbrk(gap + (intptr_t)(PAGES * page_size())));
	area_use(area, (uint8_t *)end + gap, PAGES);
	area_fill(area, 0, PAGES, 1);
}

static void change(struct area *area)
{
	area_fill(area, 0, 2, 2);
	if (area != &areas[SHAPES - 1])
		return;
	/* Only the last one lies at the end of the heap. */
	MUST(sbrk(-(intptr_t)(PAGES / 2 * page_size())));
	MUST(sbrk((intptr_t)(PAGES / 2 * page_size())));
	area_expect(area, PAGES / 2, PAGES / 2, 0);
	area_fill(area, PAGES / 2, 4, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
