// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_DONTNEED_LOCKED on memory that is locked";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

static void change(struct area *area)
{
	size_t pages = PAGES * 3 / 4;

	MUST(mlock(area->memory, PAGES * page_size()));
	MUST(madvise(area->memory, pages * page_size(), MADV_DONTNEED_LOCKED));
	MUST(munlock(area->memory, PAGES * page_size()));
	area_expect(area, 0, pages, 0);
	aftermath(area, pages);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
