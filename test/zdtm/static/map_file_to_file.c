// SPDX-License-Identifier: GPL-2.0-only
#include "mapping.h"

const char *test_doc = "The address of a private file mapping becomes another file";
const char *test_author = "criu-lazy-wp";

static int other_file(const struct area *area)
{
	char name[128];

	ssprintf(name, "other.%s", area_file(area));
	return file_make(name, PAGES, 3);
}

static void change(struct area *area)
{
	MUST(munmap(area_page(area, 0), (PAGES)*page_size()));
	map_over(area, 0, PAGES, MAP_PRIVATE, other_file(area));
	area_expect(area, 0, PAGES, 3);
	area_touch(area, 0, PAGES / 2);
	area_fill(area, PAGES / 2, 4, 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_file, change);
}
