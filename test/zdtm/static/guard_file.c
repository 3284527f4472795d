// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc =
	"Guard regions installed in untouched pages of a private file mapping and removed again";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#define MADV_GUARD_REMOVE  103
#endif

static void setup(struct area *area)
{
	int fd = file_make(area_file(area), PAGES, 1);

	area_use(area, mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
		 PAGES);
	close(fd);
	area_expect(area, 0, PAGES, 1);
	area_touch(area, 0, PAGES);
	if (madvise(area_page(area, PAGES - 1), page_size(), MADV_GUARD_INSTALL)) {
		skip("no guard regions in file mappings (Linux 6.15)");
		exit(1);
	}
	MUST(madvise(area_page(area, PAGES - 1), page_size(), MADV_GUARD_REMOVE));
	area_fill(area, 0, PAGES / 2, 2);
}

static void change(struct area *area)
{
	size_t half = PAGES / 2;

	/*
	 * Not over the copied ones: where such a page is write-protected by a userfaultfd the kernel
	 * (6.15 to 6.18 at least) never returns from MADV_GUARD_INSTALL. See docs/tracking.md.
	 */
	MUST(madvise(area_page(area, half), half * page_size(), MADV_GUARD_INSTALL));
	MUST(madvise(area_page(area, half), half * page_size(), MADV_GUARD_REMOVE));
	area_touch(area, half, half / 3);
	area_fill(area, half + half / 3, half / 3, 3);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
