// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MAP_DROPPABLE memory is not dumped; its neighbours are intact";
const char *test_author = "criu-lazy-wp";

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08 /* Linux 6.11 */
#endif
#define DROPPABLE 4

/* The droppable pages lie behind what is compared. */
static void setup(struct area *area)
{
	void *droppable;

	area_map(area, PAGES + DROPPABLE);
	area_fill(area, 0, PAGES, 1);
	area->pages = PAGES;
	droppable = mmap(area_page(area, PAGES), DROPPABLE * page_size(), PROT_READ | PROT_WRITE,
			 MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (droppable == MAP_FAILED) {
		skip("no MAP_DROPPABLE (Linux 6.11)");
		exit(1);
	}
}

static void change(struct area *area)
{
	memset(area_page(area, PAGES), 0x55, DROPPABLE * page_size());
	area_fill(area, PAGES - 4, 4, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
