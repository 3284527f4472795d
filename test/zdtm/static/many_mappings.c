// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Two thousand mappings of one page, every third written";
const char *test_author = "criu-lazy-wp";

/* Neighbours differ in MADV_DONTFORK, so they do not merge. */
static void setup(struct area *area)
{
	area_map(area, 1024);
	area_fill(area, 0, area->pages, 1);
	for (size_t page = 0; page < area->pages; page += 2)
		MUST(madvise(area_page(area, page), page_size(), MADV_DONTFORK));
}

static void change(struct area *area)
{
	for (size_t page = 0; page < area->pages; page += 3)
		area_fill(area, page, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
