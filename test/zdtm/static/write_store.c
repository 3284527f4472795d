// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Pages written by ordinary stores, one in four";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(area, page, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
