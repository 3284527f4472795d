// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a mapping grows and has to move for it";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	area_map(area, PAGES + 1);
	area_fill(area, 0, PAGES, 1);
	MUST(munmap(area_page(area, PAGES), page_size()));
	area->pages = PAGES;
}

static void change(struct area *area)
{
	void *moved;

	MUST(mmap(area_page(area, PAGES), page_size(), PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)); /* in its way */
	moved = mremap(area->memory, PAGES * page_size(), 2 * PAGES * page_size(), MREMAP_MAYMOVE);
	MUST(moved);
	area->memory = moved;
	area->pages = 2 * PAGES;
	area_fill(area, PAGES + 3, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
