// SPDX-License-Identifier: GPL-2.0-only
#include "swap.h"

const char *test_doc = "Pages swapped out after they were dumped: left, read, written, thrown away";
const char *test_author = "criu-lazy-wp";

#define PAGES 80
#define GROUP (PAGES / 5)

static struct area areas[SHAPES];

/* Groups: left in the swap, read in, written, thrown away, thrown away and read. */
static void change(int shape)
{
	struct area *area = &areas[shape];

	if (swap_out(area, 0, PAGES) != PAGES)
		fail("only %zu pages are swapped", swap_count(area, 0, PAGES));
	area_touch(area, GROUP, GROUP);
	area_fill(area, 2 * GROUP, GROUP, 2);
	if (madvise(area_page(area, 3 * GROUP), 2 * GROUP * page_size(), MADV_DONTNEED))
		pr_perror("madvise");
	area_expect(area, 3 * GROUP, 2 * GROUP, 0);
	area_touch(area, 4 * GROUP, GROUP);
	if (swap_count(area, 0, PAGES) > GROUP)
		fail("%zu pages are swapped", swap_count(area, 0, PAGES));
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	swap_make();
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
