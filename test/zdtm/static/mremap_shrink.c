// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a mapping shrinks, and grows again with new pages";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	MUST(mremap(area->memory, PAGES * page_size(), PAGES / 2 * page_size(), 0));
	MUST(mremap(area->memory, PAGES / 2 * page_size(), PAGES * page_size(), 0));
	area_expect(area, PAGES / 2, PAGES / 2, 0);
	area_fill(area, PAGES / 2, 4, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
