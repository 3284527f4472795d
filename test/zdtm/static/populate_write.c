// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_POPULATE_WRITE: pages made by the kernel, without a store";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static void setup(struct area *area)
{
	area_map(area, PAGES); /* nothing in it yet */
}

static void change(struct area *area)
{
	MUST(madvise(area->memory, PAGES / 2 * page_size(), MADV_POPULATE_WRITE));
	area_fill(area, 3, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
