// SPDX-License-Identifier: GPL-2.0-only
#include "mapping.h"

const char *test_doc = "The address of shared anonymous memory becomes private";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	area_use(area,
		 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0),
		 PAGES);
	area_fill(area, 0, PAGES, 1);
}

static void change(struct area *area)
{
	MUST(munmap(area_page(area, 0), (PAGES)*page_size()));
	map_over(area, 0, PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	area_expect(area, 0, PAGES, 0);
	area_touch(area, 0, PAGES / 2);
	area_fill(area, PAGES / 2, 4, 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
