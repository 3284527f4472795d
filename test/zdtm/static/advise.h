/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the madvise tests share: one test for each advice and kind of memory. The memory has four
 * groups of pages; three of them are advised and then left alone, read, or written (every other
 * page); the fourth is not advised at all.
 */
#ifndef ZDTM_ADVISE_H
#define ZDTM_ADVISE_H

#include <sched.h>

#include "memory.h"

enum { LEFT_ALONE, READ, WRITTEN, NOT_ADVISED, GROUPS };

#define GROUP_PAGES    16
#define ADVISE_HUGE    ((size_t)2 << 20)
#define ADVISE_PART_AT 5 /* first page of a huge page that is advised where only a part is */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

enum advise_memory {
	ADVISE_ANONYMOUS, /* filled; one page in four never touched */
	ADVISE_FILE,      /* private file mapping; every other page a copy */
	ADVISE_SHARED,    /* shared anonymous memory, filled */
	ADVISE_HUGE_PART, /* a part of a huge page, for each group another one */
	ADVISE_HUGE_WHOLE /* a whole huge page */
};

enum advise_outcome {
	ADVISE_KEEPS,
	ADVISE_THROWS_AWAY,
	ADVISE_MAY_THROW_AWAY /* at any time until the page is written again */
};

struct advise_test {
	enum advise_memory memory;
	enum advise_outcome outcome;
	int (*advise)(void *start, size_t len); /* 0, or -1 with errno */
	const char *file_name;                  /* for ADVISE_FILE */
};

struct advise_range {
	size_t first, pages;
};

static struct area advise_areas[SHAPES];
static const struct advise_test *advise_test;

static inline bool advise_is_huge(void)
{
	return advise_test->memory == ADVISE_HUGE_PART || advise_test->memory == ADVISE_HUGE_WHOLE;
}

static inline size_t advise_group_size(void)
{
	return advise_is_huge() ? ADVISE_HUGE / page_size() : GROUP_PAGES;
}

/* The pages of a group that are advised. */
static inline struct advise_range advise_range_of(int group)
{
	struct advise_range range = { group * advise_group_size(), advise_group_size() };

	if (advise_test->memory == ADVISE_HUGE_PART) {
		range.first += ADVISE_PART_AT;
		range.pages = GROUP_PAGES;
	}
	return range;
}

/* The bytes of huge pages in the mapping at start. */
static inline size_t advise_huge_bytes(const void *start)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long from, to, kilobytes = 0;
	bool here = false;
	char line[512];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from == (uintptr_t)start;
		if (here && sscanf(line, "AnonHugePages: %lu kB", &kilobytes) == 1)
			break;
	}
	if (smaps)
		fclose(smaps);
	return here ? kilobytes << 10 : 0;
}

/* An aligned mapping with nothing beside it, filled by huge pages. */
static inline void advise_map_huge(struct area *area)
{
	size_t len = GROUPS * ADVISE_HUGE;
	uint8_t *room = mmap(NULL, len + 2 * ADVISE_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	uint8_t *start = (uint8_t *)(((uintptr_t)room + 2 * ADVISE_HUGE - 1) & -ADVISE_HUGE);

	if (room == MAP_FAILED || mprotect(start, len, PROT_READ | PROT_WRITE)) {
		pr_perror("mapping");
		exit(1);
	}
	if (len / page_size() > AREA_PAGES_MAX || madvise(start, len, MADV_HUGEPAGE)) {
		skip("no huge pages of 2 MiB");
		exit(1);
	}
	area_use(area, start, len / page_size());
	area_fill(area, 0, area->pages, 1);
	if (advise_huge_bytes(start) != len) {
		skip("the kernel gave no huge pages");
		exit(1);
	}
}

/* Both shapes map the same file. */
static inline void advise_map_file(struct area *area)
{
	size_t pages = GROUPS * GROUP_PAGES;
	int fd = area == advise_areas ? file_make(advise_test->file_name, pages, 1) :
					open(advise_test->file_name, O_RDWR);

	area_use(area, mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
		 pages);
	close(fd);
	area_expect(area, 0, pages, 1);
	for (size_t page = 0; page < pages; page += 2)
		area_fill(area, page, 1, 2);
}

static inline void advise_map_small(struct area *area)
{
	size_t pages = GROUPS * GROUP_PAGES;

	if (advise_test->memory == ADVISE_SHARED)
		area_use(area,
			 mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0),
			 pages);
	else
		area_map(area, pages);
	for (size_t page = 0; page < pages; page++)
		if (page % 4)
			area_fill(area, page, 1, 1);
}

static inline void advise_map(struct area *area)
{
	if (advise_is_huge())
		advise_map_huge(area);
	else if (advise_test->memory == ADVISE_FILE)
		advise_map_file(area);
	else
		advise_map_small(area);
}

static inline void advise_group(struct area *area, int group)
{
	struct advise_range range = advise_range_of(group);

	if (advise_test->advise(area_page(area, range.first), range.pages * page_size()))
		fail("madvise");
	if (advise_test->outcome == ADVISE_THROWS_AWAY)
		area_expect(area, range.first, range.pages,
			    advise_test->memory == ADVISE_FILE ? 1 : 0);
}

/* Where a page may be the old one or zero: says which of them it is. */
static inline void advise_settle(struct area *area)
{
	if (advise_test->outcome != ADVISE_MAY_THROW_AWAY)
		return;
	for (int group = 0; group < NOT_ADVISED; group++) {
		struct advise_range range = advise_range_of(group);

		for (size_t page = range.first; page < range.first + range.pages; page++)
			if (area->expected[page] == page_number(1, page) &&
			    !*(uint64_t *)area_page(area, page))
				area->expected[page] = 0;
	}
}

/* Also the proof, inside the test, that the advice did what it is expected to do. */
static inline void advise_read(struct area *area)
{
	struct advise_range range = advise_range_of(READ);

	if (advise_test->outcome == ADVISE_MAY_THROW_AWAY) {
		area_touch(area, range.first, range.pages);
		return;
	}
	for (size_t page = range.first; page < range.first + range.pages; page++)
		if (page_check(area, page, "right after madvise"))
			return;
}

static inline void advise_change(int shape)
{
	struct area *area = &advise_areas[shape];
	struct advise_range written = advise_range_of(WRITTEN);

	if (advise_is_huge() && advise_huge_bytes(area->memory) != GROUPS * ADVISE_HUGE)
		fail("the huge pages were split before they were advised");
	for (int group = 0; group < NOT_ADVISED; group++)
		advise_group(area, group);
	advise_read(area);
	for (size_t page = 0; page < written.pages; page += 2)
		area_fill(area, written.first + page, 1, 3);
}

static inline int advise_own_pageout(void *start, size_t len)
{
	return madvise(start, len, MADV_PAGEOUT);
}

/*
 * After MADV_FREE: pages out until no page is there any more, which can take more than one call:
 * a page that was freed on another CPU a moment ago may not be on the kernel's lists yet.
 */
static inline int advise_reclaim(void *start, size_t len, int (*pageout)(void *, size_t))
{
	unsigned char resident[ADVISE_HUGE / 4096];

	for (int attempt = 0; attempt < 1000; attempt++) {
		if (pageout(start, len) || mincore(start, len, resident))
			return -1;
		if (!memchr(resident, 1, len / page_size()))
			return 0;
		sched_yield();
	}
	skip("the kernel does not free the pages");
	return 0;
}

/* Tries the advice on memory of no use, a file's where that matters. */
static inline void advise_skip_if_unknown(void)
{
	bool file = advise_test->memory == ADVISE_FILE;
	int fd = file ? open("/proc/self/exe", O_RDONLY) : -1;
	int flags = advise_test->memory == ADVISE_SHARED ? MAP_SHARED : MAP_PRIVATE;
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  flags | (file ? 0 : MAP_ANONYMOUS), fd, 0);

	if (page == MAP_FAILED || advise_test->advise(page, page_size())) {
		skip("madvise: %s", strerror(errno));
		exit(1);
	}
	munmap(page, page_size());
	close(fd);
}

/* What comes after test_init(); returns main()'s result. */
static inline int advise_run(const struct advise_test *test)
{
	advise_test = test;
	advise_skip_if_unknown();
	for (int shape = 0; shape < SHAPES; shape++)
		advise_map(&advise_areas[shape]);
	test_daemon();
	run_shapes(advise_change);
	if (test->file_name)
		unlink(test->file_name);
	for (int shape = 0; shape < SHAPES; shape++)
		advise_settle(&advise_areas[shape]);
	return areas_verdict(advise_areas);
}

static inline int advise_main(int argc, char **argv, const struct advise_test *test)
{
	test_init(argc, argv);
	return advise_run(test);
}

#endif
