// SPDX-License-Identifier: GPL-2.0-only
#include "mapping.h"

const char *test_doc = "The middle of anonymous memory becomes a private file mapping";
const char *test_author = "criu-lazy-wp";

static int other_file(const struct area *area)
{
	char name[128];

	ssprintf(name, "other.%s", area_file(area));
	return file_make(name, PAGES, 3);
}

static void change(struct area *area)
{
	map_over(area, PAGES / 4, PAGES / 2, MAP_PRIVATE, other_file(area));
	area_expect(area, PAGES / 4, PAGES / 2, 3);
	area_touch(area, 0, PAGES / 2);
	area_fill(area, PAGES / 2, 4, 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
