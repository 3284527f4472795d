// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_FREE on part of a huge page; then left alone, read, written";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t pages = PAGES * 3 / 4;

	MUST(madvise(area->memory, pages * page_size(), MADV_FREE));
	memset(area->or_zero, 1, pages * sizeof(area->or_zero[0]));
	/* Memory pressure for half of them: these are thrown away. */
	madvise(area->memory, pages / 2 * page_size(), MADV_PAGEOUT);
	aftermath(area, pages);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_thp, change);
}
