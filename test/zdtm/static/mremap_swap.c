// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: two tracked mappings change places";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	setup_anon(area);
	MUST(madvise(area_page(area, PAGES / 2), PAGES / 2 * page_size(), MADV_DONTFORK));
}

static void change(struct area *area)
{
	size_t size = PAGES / 2 * page_size();
	uint8_t *first = area->memory, *second = area->memory + size, *third = free_place(size);

	move(first, size, size, third);
	move(second, size, size, first);
	move(third, size, size, second);
	for (size_t page = 0; page < PAGES / 2; page++) {
		uint64_t number = area->expected[page];

		area->expected[page] = area->expected[PAGES / 2 + page];
		area->expected[PAGES / 2 + page] = number;
	}
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
