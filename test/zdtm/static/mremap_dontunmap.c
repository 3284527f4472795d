// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: pages move away and their mapping stays, empty";
const char *test_author = "criu-lazy-wp";

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

static void setup(struct area *area)
{
	setup_anon(area);
	MUST(madvise(area_page(area, PAGES / 2), PAGES / 2 * page_size(), MADV_DONTFORK));
}

static void change(struct area *area)
{
	size_t half = PAGES / 2, size = half * page_size();
	uint8_t *moved = mremap(area->memory, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	MUST(moved);
	memcpy(area_page(area, half), moved, size); /* what went away, written to where we look */
	for (size_t page = 0; page < half; page++) {
		area->expected[half + page] = area->expected[page];
		area->expected[page] = 0;
	}
	area_touch(area, 0, half / 2);
	area_fill(area, half / 2, 4, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
