// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "MADV_COLLAPSE of small pages into a huge one (which the kernel may refuse)";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

/* Small pages in the place of a huge one. */
static void setup(struct area *area)
{
	setup_thp(area);
	MUST(madvise(area->memory, HUGE_SIZE, MADV_NOHUGEPAGE));
	MUST(madvise(area->memory, HUGE_SIZE, MADV_DONTNEED));
	area_fill(area, 0, area->pages, 1);
	MUST(madvise(area->memory, HUGE_SIZE, MADV_HUGEPAGE));
}

static void change(struct area *area)
{
	/* Not for what is registered with a userfaultfd (EINVAL); contents stay in any case. */
	madvise(area->memory, HUGE_SIZE, MADV_COLLAPSE);
	area_fill(area, 3, 1, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
