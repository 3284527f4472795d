// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Copied and untouched pages of a private file mapping, written by stores";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(area, page, 2, 3);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_file, change);
}
