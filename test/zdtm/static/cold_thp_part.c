// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_COLD on part of a huge page; then left alone, read, written";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t pages = PAGES * 3 / 4;

	/* Contents stay, wherever they are kept meanwhile. */
	MUST(madvise(area->memory, pages * page_size(), MADV_COLD));
	aftermath(area, pages);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_thp, change);
}
