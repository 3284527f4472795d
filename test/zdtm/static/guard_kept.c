// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "Guard regions that stay, and such that were there already and are removed";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

enum { MADE, REMOVED, REMOVED_WRITTEN, WITHOUT, GROUPS };

#define GROUP_PAGES 16

static struct area areas[SHAPES];

static int advise_group(const struct area *area, int group, int advice)
{
	return madvise(area_page(area, group * GROUP_PAGES), GROUP_PAGES * page_size(), advice);
}

static void change(int shape)
{
	struct area *area = &areas[shape];

	if (advise_group(area, MADE, MADV_GUARD_INSTALL) ||
	    advise_group(area, REMOVED, MADV_GUARD_REMOVE) ||
	    advise_group(area, REMOVED_WRITTEN, MADV_GUARD_REMOVE))
		fail("madvise");
	area_fill(area, REMOVED_WRITTEN * GROUP_PAGES, GROUP_PAGES, 2);
}

/* The kernel refuses to read a guarded page, as the program's own reading of it would fail. */
static int check_guard(struct area *area)
{
	int ends[2], result = 0;

	if (pipe(ends))
		return fail("pipe");
	for (size_t page = 0; !result && page < GROUP_PAGES; page++)
		if (write(ends[1], area_page(area, MADE * GROUP_PAGES + page), 1) >= 0 ||
		    errno != EFAULT)
			result = fail("page %zu can be read, its guard is gone", page);
	close(ends[0]);
	close(ends[1]);
	if (!result && advise_group(area, MADE, MADV_GUARD_REMOVE))
		return fail("removing the guard");
	area_expect(area, MADE * GROUP_PAGES, GROUP_PAGES, 0);
	return result;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		struct area *area = &areas[shape];

		area_map(area, GROUPS * GROUP_PAGES);
		area_fill(area, 0, area->pages, 1);
		if (advise_group(area, REMOVED, MADV_GUARD_INSTALL) ||
		    advise_group(area, REMOVED_WRITTEN, MADV_GUARD_INSTALL)) {
			skip("no guard regions: %s", strerror(errno));
			exit(1);
		}
		area_expect(area, REMOVED * GROUP_PAGES, 2 * GROUP_PAGES, 0);
	}
	test_daemon();
	run_shapes(change);
	if (check_guard(&areas[0]) || check_guard(&areas[1]))
		return 1;
	return areas_verdict(areas);
}
