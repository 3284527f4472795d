// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both trackers on our own memory, side by side: the pages that each reports for the same writes,
 * and what it costs. Prints "what, uffd-wp, soft-dirty" with tabs between. Exit status 77: the
 * kernel lacks one of them.
 */
#include <fcntl.h>

#include "bench/memory.h"
#include "track/probe.h"
#include "util/cleanup.h"

#define HUGE_PAGES  16
#define AREA_PAGES  4096
#define TIMED_PAGES 65536

static uint64_t page_size;
static int pagemap, uffd;

/* What the two do about [start, end). All failures end the program. */
struct tracker {
	void (*begin)(uint64_t start, uint64_t end); /* once for a mapping */
	void (*reset)(uint64_t start, uint64_t end);
	uint64_t (*count)(uint64_t start, uint64_t end);
};

static void arm(uint64_t start, uint64_t end)
{
	auto_range_set struct range_set taken = { 0 };

	die_if(track_take(pagemap, start, end, &taken), "PAGEMAP_SCAN");
}

static void begin_write_protect(uint64_t start, uint64_t end)
{
	die_if(track_uffd_register(uffd, start, end), "UFFDIO_REGISTER");
}

static uint64_t count_written(uint64_t start, uint64_t end)
{
	uint64_t pages;

	die_if(track_count_written(pagemap, start, end, &pages), "counting");
	return pages;
}

static void begin_soft_dirty(uint64_t start, uint64_t end)
{
	(void)start;
	(void)end;
}

/* Of the whole process: there is nothing smaller. */
static void clear_refs(uint64_t start, uint64_t end)
{
	auto_close int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	(void)start;
	(void)end;
	if (fd < 0 || write(fd, "4", 1) != 1)
		die("/proc/self/clear_refs", errno);
}

static uint64_t count_soft_dirty(uint64_t start, uint64_t end)
{
	uint64_t pages;

	die_if(track_count_soft_dirty(pagemap, start, end, &pages), "counting");
	return pages;
}

static const struct tracker trackers[] = {
	{ begin_write_protect, arm, count_written },
	{ begin_soft_dirty, clear_refs, count_soft_dirty },
};

static uint8_t *map_written(uint64_t pages, int advice)
{
	uint8_t *memory = map_aligned(pages * page_size, advice);

	memset(memory, 1, pages * page_size);
	return memory;
}

/* The same, and reset since. */
static uint8_t *map_clean(const struct tracker *tracker, uint64_t pages, int advice)
{
	uint8_t *memory = map_written(pages, advice);
	uint64_t start = (uintptr_t)memory, end = start + pages * page_size;

	tracker->begin(start, end);
	tracker->reset(start, end);
	return memory;
}

static uint64_t count_dirty(const struct tracker *tracker, const uint8_t *memory, uint64_t pages)
{
	uint64_t start = (uintptr_t)memory;

	return tracker->count(start, start + pages * page_size);
}

static uint64_t in_huge_pages(const struct tracker *tracker)
{
	uint64_t huge = track_table_bytes(), pages = HUGE_PAGES * huge / page_size;
	uint8_t *memory = map_clean(tracker, pages, MADV_HUGEPAGE);

	for (uint64_t i = 0; i < HUGE_PAGES; i++)
		memory[i * huge + 5 * page_size] = 2;
	return count_dirty(tracker, memory, pages);
}

static uint64_t scattered(const struct tracker *tracker)
{
	uint8_t *memory = map_clean(tracker, AREA_PAGES, MADV_NOHUGEPAGE);

	write_pages(memory, AREA_PAGES, 64, 2);
	return count_dirty(tracker, memory, AREA_PAGES);
}

/* Nothing is written: a neighbour is mapped, with which the mapping can merge. */
static uint64_t merged(const struct tracker *tracker)
{
	uint8_t *memory = map_clean(tracker, AREA_PAGES, MADV_NOHUGEPAGE);
	uint64_t bytes = AREA_PAGES * page_size;

	if (mmap(memory + bytes, page_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    madvise(memory + bytes, page_size, MADV_NOHUGEPAGE))
		die("mmap", errno);
	return count_dirty(tracker, memory, AREA_PAGES);
}

static uint64_t protected_and_back(const struct tracker *tracker)
{
	uint8_t *memory = map_clean(tracker, AREA_PAGES, MADV_NOHUGEPAGE);

	if (mprotect(memory + 64 * page_size, page_size, PROT_READ) ||
	    mprotect(memory + 64 * page_size, page_size, PROT_READ | PROT_WRITE))
		die("mprotect", errno);
	return count_dirty(tracker, memory, AREA_PAGES);
}

static double write_all(uint8_t *memory)
{
	uint64_t start = now_ns();

	write_pages(memory, TIMED_PAGES, 1, 3);
	return (double)(now_ns() - start) / TIMED_PAGES;
}

struct costs {
	double reset, look, first_write; /* ns a page */
};

static struct costs measure(const struct tracker *tracker)
{
	uint8_t *memory = map_written(TIMED_PAGES, MADV_NOHUGEPAGE);
	uint64_t start = (uintptr_t)memory, end = start + TIMED_PAGES * page_size, at;
	struct costs costs;

	tracker->begin(start, end);
	at = now_ns();
	tracker->reset(start, end);
	costs.reset = (double)(now_ns() - at) / TIMED_PAGES;
	at = now_ns();
	tracker->count(start, end);
	costs.look = (double)(now_ns() - at) / TIMED_PAGES;
	costs.first_write = write_all(memory);
	costs.first_write -= write_all(memory);
	munmap(memory, 2 * TIMED_PAGES * page_size);
	return costs;
}

static void print_pages(const char *what, uint64_t (*scenario)(const struct tracker *))
{
	printf("%s, pages reported\t%llu\t%llu\n", what, (unsigned long long)scenario(&trackers[0]),
	       (unsigned long long)scenario(&trackers[1]));
}

int main(void)
{
	struct track_features features;
	struct costs costs[2];

	page_size = page_bytes();
	if (track_probe(&features) || !features.uffd_wp_async || !features.soft_dirty) {
		puts("this kernel does not have both trackers");
		return 77;
	}
	pagemap = track_pagemap_open(getpid());
	die_if(pagemap, "pagemap");
	uffd = open_tracker();
	print_pages("one page written in each of 16 huge pages", in_huge_pages);
	print_pages("64 scattered pages written", scattered);
	print_pages("nothing written, a neighbour mapped", merged);
	print_pages("nothing written, mprotect and back", protected_and_back);
	for (size_t i = 0; i < 2; i++)
		costs[i] = measure(&trackers[i]);
	printf("reset, all pages written, ns a page\t%.1f\t%.1f\n", costs[0].reset, costs[1].reset);
	printf("looking at clean memory, ns a page\t%.1f\t%.1f\n", costs[0].look, costs[1].look);
	printf("first write to a page after that, ns\t%.0f\t%.0f\n", costs[0].first_write,
	       costs[1].first_write);
	return 0;
}
