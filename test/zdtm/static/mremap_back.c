// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: a mapping moves, is written, and moves back";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t size = PAGES * page_size();
	uint8_t *home = area->memory;

	area->memory = move(home, size, size, free_place(size));
	area_fill(area, 0, 4, 2);
	area->memory = move(area->memory, size, size, home);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
