// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a huge page is split, the kernel puts the zero page into the place of small pages that are
 * full of zeros. They stay protected: zero pages that nobody has written, in front of pages that
 * are not zero.
 */
#include "setups.h"

const char *test_doc = "A huge page that is zero at its beginning is split, and written there";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define ZEROS   16
#define WRITTEN 2

static void setup(struct area *area)
{
	setup_thp(area);
	area_fill(area, 0, ZEROS, 0);
	area_fill(area, WRITTEN, 1, 1);
}

static void change(struct area *area)
{
	area_fill(area, WRITTEN, 1, 2);
	MUST(madvise(area_page(area, ZEROS), page_size(), MADV_PAGEOUT));
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
