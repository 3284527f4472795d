// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a mapping grows in place, and its new part is written";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	setup_anon(area);
	MUST(munmap(area_page(area, PAGES / 2), PAGES / 2 * page_size()));
	area->pages = PAGES / 2;
}

static void change(struct area *area)
{
	MUST(mremap(area->memory, PAGES / 2 * page_size(), PAGES * page_size(), 0));
	area->pages = PAGES;
	area_expect(area, PAGES / 2, PAGES / 2, 0);
	aftermath(area, PAGES);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
