// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a part moves out of the middle; new memory takes its place";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t part = PAGES / 3, size = part * page_size();
	uint8_t *middle = area_page(area, part);
	uint8_t *moved = move(middle, size, size, free_place(size));

	for (size_t page = 0; page < part; page++)
		if (page_fault((void *)(moved + page * page_size()), area->expected[part + page]) >=
		    0)
			fail("page %zu has not moved", page);
	MUST(mmap(middle, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		  0));
	area_expect(area, part, part, 0);
	area_fill(area, part, part / 2, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
