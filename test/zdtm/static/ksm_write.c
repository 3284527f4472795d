// SPDX-License-Identifier: GPL-2.0-only
#include "ksm.h"

const char *test_doc =
	"Pages merged by KSM before and after they were dumped: left, written, unmerged";
const char *test_author = "criu-lazy-wp";

#define PAGES 64
#define GROUP (PAGES / 4)

static struct area areas[SHAPES];

/* All pages of an area alike: the first half of one before the first dump, the rest after it. */
static void fill_alike(struct area *area, uint64_t number)
{
	for (size_t page = 0; page < PAGES; page++) {
		area->expected[page] = number;
		page_make(area_page(area, page), number);
	}
}

static void mergeable(struct area *area, size_t first, size_t pages, int advice)
{
	if (madvise(area_page(area, first), pages * page_size(), advice))
		pr_perror("madvise");
}

/* Groups: merged before: left, written. Merged now: written, given up again. */
static void change(int shape)
{
	struct area *area = &areas[shape];

	mergeable(area, PAGES / 2, PAGES / 2, MADV_MERGEABLE);
	if (ksm_merge(area, 0, PAGES) < PAGES)
		fail("only %zu pages are merged", ksm_count(area, 0, PAGES));
	area_fill(area, GROUP, 2 * GROUP, 2);
	mergeable(area, 3 * GROUP, GROUP, MADV_UNMERGEABLE);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		struct area *area = &areas[shape];

		area_map(area, PAGES);
		fill_alike(area, page_number(9, (size_t)shape));
		mergeable(area, 0, PAGES / 2, MADV_MERGEABLE);
		if (ksm_merge(area, 0, PAGES / 2) < PAGES / 2) {
			skip("KSM does not merge");
			return 1;
		}
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
