// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a mapping moves over another one that is tracked";
const char *test_author = "criu-lazy-wp";

/* Two mappings side by side that cannot merge, both tracked from the first pre-dump on. */
static void setup(struct area *area)
{
	setup_anon(area);
	MUST(madvise(area_page(area, PAGES / 2), PAGES / 2 * page_size(), MADV_DONTFORK));
}

static void change(struct area *area)
{
	size_t size = PAGES / 2 * page_size();

	/* The second half comes over the first: same addresses, other contents, nothing written. */
	move(area->memory + size, size, size, area->memory);
	for (size_t page = 0; page < PAGES / 2; page++)
		area->expected[page] = area->expected[PAGES / 2 + page];
	area->pages = PAGES / 2;
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
