// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A new mapping merges with a tracked one beside it";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	setup_anon(area);
	MUST(munmap(area_page(area, PAGES / 2), PAGES / 2 * page_size()));
	area->pages = PAGES / 2;
}

static void change(struct area *area)
{
	MUST(mmap(area_page(area, PAGES / 2), PAGES / 2 * page_size(), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	area->pages = PAGES;
	area_expect(area, PAGES / 2, PAGES / 2, 0);
	area_fill(area, PAGES / 2, PAGES / 4, 2);
	area_fill(area, 0, 2, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
