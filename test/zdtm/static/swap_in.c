// SPDX-License-Identifier: GPL-2.0-only
#include "swap.h"

const char *test_doc =
	"Pages that were in the swap when they were dumped: left, read, written, gone";
const char *test_author = "criu-lazy-wp";

#define PAGES 64
#define GROUP (PAGES / 4)

static struct area areas[SHAPES];

/* CRIU's reading of the pages brought them in; for the second shape they are out again by then. */
static void change(int shape)
{
	struct area *area = &areas[shape];

	area_touch(area, GROUP, GROUP);
	area_fill(area, 2 * GROUP, GROUP, 2);
	if (madvise(area_page(area, 3 * GROUP), GROUP * page_size(), MADV_DONTNEED))
		pr_perror("madvise");
	area_expect(area, 3 * GROUP, GROUP, 0);
	if (shape + 1 < SHAPES && swap_out(area + 1, 0, PAGES) != PAGES)
		fail("the second area is not swapped");
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	swap_make();
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
		if (swap_out(&areas[shape], 0, PAGES) != PAGES) {
			skip("MADV_PAGEOUT leaves pages in memory");
			return 1;
		}
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
