/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of hugetlb for a test, allocated as surplus beyond the pool: they go back when they are
 * freed. What was added to the limit is in the file "hugetlb.added", by which the hook takes it
 * away at the end.
 */
#ifndef ZDTM_HUGETLB_H
#define ZDTM_HUGETLB_H

#include <sys/file.h>

#include "memory.h"

#define HUGETLB_LIMIT "/proc/sys/vm/nr_overcommit_hugepages"
#define HUGETLB_BYTES ((size_t)2 << 20)
#define HUGETLB_NR    2 /* for each shape, and again while it is restored */
#define PAGES         (HUGETLB_NR * HUGETLB_BYTES / page_size())

static struct area areas[SHAPES];
static bool area_is_shared;

/* One at a time, because a limit is read and then written. */
static inline void hugetlb_raise_limit(long pages)
{
	int lock = open(HUGETLB_LIMIT, O_RDWR | O_CLOEXEC);
	char limit[32], added[32];

	ssprintf(added, "%ld", pages);
	close(open("hugetlb.added", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	if (lock < 0 || flock(lock, LOCK_EX) || read_value(HUGETLB_LIMIT, limit, sizeof(limit)) ||
	    write_value("hugetlb.added", added)) {
		skip("no huge pages of hugetlb: %s", strerror(errno));
		exit(1);
	}
	ssprintf(limit, "%ld", atol(limit) + pages);
	if (write_value(HUGETLB_LIMIT, limit))
		pr_perror("%s", limit);
	close(lock);
}

static inline void hugetlb_map(struct area *area, int flags)
{
	void *memory = mmap(NULL, HUGETLB_NR * HUGETLB_BYTES, PROT_READ | PROT_WRITE,
			    flags | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED) {
		skip("no huge pages of hugetlb: %s", strerror(errno));
		exit(1);
	}
	area_use(area, memory, PAGES);
	area_fill(area, 0, PAGES, 1);
}

/* One small page in four, and a whole huge page thrown away. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	size_t huge = PAGES / HUGETLB_NR;

	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(area, page, 1, 2);
	if (madvise(area->memory, HUGETLB_BYTES, MADV_DONTNEED))
		pr_perror("madvise");
	if (area_is_shared) /* there the page is still in the file */
		memset(area->memory, 0, HUGETLB_BYTES);
	area_expect(area, 0, huge, 0);
}

static int hugetlb_main(int argc, char **argv, int flags)
{
	test_init(argc, argv);
	area_is_shared = flags == MAP_SHARED;
	hugetlb_raise_limit(2 * SHAPES * HUGETLB_NR);
	for (int shape = 0; shape < SHAPES; shape++)
		hugetlb_map(&areas[shape], flags);
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}

#endif
