// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#include "ksm.h"

const char *test_doc = "PR_SET_MEMORY_MERGE: all anonymous memory merged, then written in part";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static struct area areas[SHAPES];

/* Whether KSM does anything on this machine just now. */
static bool ksm_merges(void)
{
	static struct area trial;

	area_map(&trial, PAGES);
	for (size_t page = 0; page < PAGES; page++)
		page_make(area_page(&trial, page), page_number(9, 7));
	return !madvise(area_page(&trial, 0), PAGES * page_size(), MADV_MERGEABLE) &&
	       ksm_merge(&trial, 0, PAGES) == PAGES;
}

static void change(int shape)
{
	struct area *area = &areas[shape];

	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0))
		pr_perror("PR_SET_MEMORY_MERGE");
	if (ksm_merge(area, 0, PAGES) < PAGES)
		fail("only %zu pages are merged", ksm_count(area, 0, PAGES));
	area_fill(area, 0, PAGES / 2, 2);
	if (prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0)) /* unmerges, and CRIU does not know it */
		pr_perror("PR_SET_MEMORY_MERGE");
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		for (size_t page = 0; page < PAGES; page++) {
			areas[shape].expected[page] = page_number(9, (size_t)shape);
			page_make(area_page(&areas[shape], page), areas[shape].expected[page]);
		}
	}
	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) || prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0)) {
		skip("no PR_SET_MEMORY_MERGE: %s", strerror(errno));
		return 1;
	}
	if (access(KSM_RUN, W_OK)) {
		skip("KSM cannot be turned on");
		return 1;
	}
	if (!ksm_merges()) {
		skip("KSM does not merge");
		return 1;
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
