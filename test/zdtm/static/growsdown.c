// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A MAP_GROWSDOWN mapping that grows";
const char *test_author = "criu-lazy-wp";

/* The upper half is mapped, with room below. */
static void setup(struct area *area)
{
	size_t room = 1024 * page_size(), size = PAGES * page_size();
	uint8_t *place = mmap(NULL, room + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(place);
	MUST(munmap(place, room + size));
	MUST(mmap(place + room + size / 2, size / 2, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	area_use(area, place + room, PAGES);
	area_fill(area, PAGES / 2, PAGES / 2, 1);
}

static void change(struct area *area)
{
	/* Grows by a page at a time; what is below was not there before. */
	for (size_t page = PAGES / 2; page-- > PAGES / 4;)
		area_fill(area, page, 1, 2);
	area->memory = area_page(area, PAGES / 4);
	area->pages = PAGES - PAGES / 4;
	for (size_t page = 0; page < area->pages; page++)
		area->expected[page] = area->expected[page + PAGES / 4];
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
