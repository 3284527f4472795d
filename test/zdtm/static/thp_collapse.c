// SPDX-License-Identifier: GPL-2.0-only
#include "huge.h"

const char *test_doc =
	"MADV_COLLAPSE of small pages, some of them written, whether it succeeds or not";
const char *test_author = "criu-lazy-wp";

#define HUGE_NR 2

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static struct area areas[SHAPES];

/* Written before and after the attempt, on the first and the second huge page. */
static void change(int shape)
{
	struct area *area = &areas[shape];

	area_fill(area, 3, 2, 2);
	if (madvise(area->memory, HUGE_NR * HUGE_BYTES, MADV_COLLAPSE))
		test_msg("MADV_COLLAPSE: %s\n", strerror(errno));
	area_fill(area, HUGE_PAGES + 7, 2, 3);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		uint8_t *memory = huge_map(HUGE_NR);

		if (madvise(memory, HUGE_NR * HUGE_BYTES, MADV_NOHUGEPAGE))
			pr_perror("madvise");
		area_use(&areas[shape], memory, HUGE_NR * HUGE_PAGES);
		area_fill(&areas[shape], 0, areas[shape].pages, 1);
		if (madvise(memory, HUGE_NR * HUGE_BYTES, MADV_HUGEPAGE))
			pr_perror("madvise");
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
