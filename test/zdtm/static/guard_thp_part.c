// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Guard regions installed in part of a huge page and removed again";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#define MADV_GUARD_REMOVE  103
#endif

static void setup(struct area *area)
{
	void *probe = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (madvise(probe, page_size(), MADV_GUARD_INSTALL)) {
		skip("no guard regions (Linux 6.13)");
		exit(1);
	}
	munmap(probe, page_size());
	setup_thp(area);
}

static void change(struct area *area)
{
	size_t pages = PAGES * 3 / 4;

	MUST(madvise(area->memory, pages * page_size(), MADV_GUARD_INSTALL));
	MUST(madvise(area->memory, pages * page_size(), MADV_GUARD_REMOVE));
	area_expect(area, 0, pages, 0);
	aftermath(area, pages);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
