// SPDX-License-Identifier: GPL-2.0-only
#include "mapping.h"

const char *test_doc = "mmap over anonymous memory, without munmap";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	map_over(area, 0, PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	area_expect(area, 0, PAGES, 0);
	area_touch(area, 0, PAGES / 2);
	area_fill(area, PAGES / 2, 4, 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
