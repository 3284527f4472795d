// SPDX-License-Identifier: GPL-2.0-only
/*
 * What finding written pages costs:
 *	scan MIB 4k|thp ROUNDS PERCENT...
 * For each PERCENT of pages that are written, each way is timed in turns, ROUNDS times; before each
 * the same pages have just been written. Every way must find what it is known to find. The memory is
 * a child's, which waits meanwhile: to protect a page interrupts each processor that runs a thread
 * with that memory. Prints "variant, parameters, column, value" with tabs between.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "bench/memory.h"
#include "track/quick.h"

/* What CRIU 4.2 uses: so many regions of a PAGEMAP_SCAN, and a pread of 2 MiB's entries. */
#define CRIU_REGIONS 32768
#define CRIU_ENTRIES 512

static uint64_t start, end, nr_pages;
static int pagemap;
/* The child that has the memory, and the socket on which it is told what to write. */
static pid_t owner;
static int to_owner;

static uint64_t take_quickly(pid_t stopped)
{
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 }, empty = { 0 }, open = { 0 };
	const struct track_quick found = { &taken, &quiet, &empty, &open, stopped };

	die_if(track_take_quickly(pagemap, start, end, &found), "quick take");
	if (range_set_bytes(&taken) + range_set_bytes(&quiet) != end - start)
		die("quick take: not every page is known", EINVAL);
	return range_set_bytes(&taken) / page_bytes();
}

static uint64_t ours_running(void)
{
	return take_quickly(0);
}

static uint64_t ours_stopped(void)
{
	return take_quickly(owner);
}

static uint64_t ours_in_full(void)
{
	auto_range_set struct range_set taken = { 0 };

	die_if(track_take(pagemap, start, end, &taken), "PAGEMAP_SCAN");
	return range_set_bytes(&taken) / page_bytes();
}

static uint64_t criu_scan(void)
{
	static struct track_page_region regions[CRIU_REGIONS];
	const uint64_t none = TRACK_PAGE_IS_PFNZERO | TRACK_PAGE_IS_FILE;
	const uint64_t content = TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED;
	struct track_pm_scan_arg scan = {
		.size = sizeof(scan),
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = CRIU_REGIONS,
		.category_inverted = none,
		.category_mask = none,
		.category_anyof_mask = content,
		.return_mask = content | TRACK_PAGE_IS_SOFT_DIRTY |
			       (track_knows_guards(pagemap) ? TRACK_PAGE_IS_GUARD : 0),
	};
	uint64_t bytes = 0;

	for (scan.start = start; scan.start < end; scan.start = scan.walk_end) {
		int nr = ioctl(pagemap, TRACK_PAGEMAP_SCAN, &scan);

		die_if(nr < 0 ? -errno : 0, "PAGEMAP_SCAN");
		for (int i = 0; i < nr; i++)
			bytes += regions[i].end - regions[i].start;
	}
	return bytes / page_bytes();
}

static uint64_t criu_pread(void)
{
	uint64_t entries[CRIU_ENTRIES], pages = 0;

	for (uint64_t at = start; at < end; at += CRIU_ENTRIES * page_bytes()) {
		off_t offset = (off_t)(at / page_bytes() * sizeof(entries[0]));

		if (pread(pagemap, entries, sizeof(entries), offset) != sizeof(entries))
			die("pread", errno);
		for (size_t i = 0; i < CRIU_ENTRIES; i++)
			pages += !!(entries[i] & (TRACK_PME_PRESENT | TRACK_PME_SWAPPED));
	}
	return pages;
}

static int count_bytes(const struct track_page_region *region, void *arg)
{
	*(uint64_t *)arg += region->end - region->start;
	return 0;
}

static uint64_t walk_for_nothing(void)
{
	static const struct track_scan_query query = {
		.category_mask = TRACK_PAGE_IS_FILE,
		.return_mask = TRACK_PAGE_IS_FILE,
	};
	uint64_t bytes = 0;

	die_if(track_scan(pagemap, start, end, &query, count_bytes, &bytes), "PAGEMAP_SCAN");
	return bytes;
}

/* No look at a page can be faster than reading an entry of eight bytes from memory. */
static uint64_t read_entries(void)
{
	static volatile uint64_t *entries;
	uint64_t sum = 0;

	if (!entries) {
		entries = malloc(nr_pages * sizeof(*entries));
		if (!entries)
			die("malloc", ENOMEM);
		for (uint64_t i = 0; i < nr_pages; i++)
			entries[i] = 1;
	}
	for (uint64_t i = 0; i < nr_pages; i++)
		sum += entries[i];
	return sum - nr_pages;
}

enum finds { WRITTEN, ALL, NOTHING };

static const struct way {
	const char *name;
	uint64_t (*look)(void);
	enum finds finds;
} ways[] = {
	{ "ours, running task", ours_running, WRITTEN },
	{ "ours, frozen task", ours_stopped, WRITTEN },
	{ "ours, asked in full", ours_in_full, WRITTEN },
	{ "CRIU's PAGEMAP_SCAN", criu_scan, ALL },
	{ "pread of pagemap", criu_pread, ALL },
	{ "floor: a walk that reports nothing", walk_for_nothing, NOTHING },
	{ "floor: reading 8 bytes a page", read_entries, NOTHING },
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* The child: its memory is written and registered; then it writes every so many-th page when told. */
static void __attribute__((noreturn)) own_memory(int from_us)
{
	uint64_t distance;

	write_pages((uint8_t *)start, nr_pages, 1, 1);
	die_if(track_uffd_register(open_tracker(), start, end), "UFFDIO_REGISTER");
	while (write(from_us, "", 1) == 1 && read(from_us, &distance, sizeof(distance)) > 0)
		write_pages((uint8_t *)start, nr_pages, distance, 2);
	_exit(0);
}

static void wait_for_owner(void)
{
	char done;

	if (read(to_owner, &done, 1) != 1)
		die("the child that has the memory", ECHILD);
}

static void start_owner(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		die("socketpair", errno);
	owner = fork();
	if (owner < 0)
		die("fork", errno);
	if (!owner) {
		close(ends[0]);
		own_memory(ends[1]);
	}
	close(ends[1]);
	to_owner = ends[0];
	wait_for_owner();
}

static uint64_t make_dirty(double percent)
{
	uint64_t distance = percent > 0 ? (uint64_t)(100 / percent) : 0;

	if (!distance)
		return 0;
	if (send(to_owner, &distance, sizeof(distance), MSG_NOSIGNAL) < 0)
		die("send", errno);
	wait_for_owner();
	return (nr_pages + distance - 1) / distance;
}

static void measure(const struct way *way, const char *kind, double percent)
{
	uint64_t dirty = make_dirty(percent), begin, pages, took;
	uint64_t expected = way->finds == WRITTEN ? dirty : way->finds == ALL ? nr_pages : 0;

	begin = now_ns();
	pages = way->look();
	took = now_ns() - begin;
	if (pages != expected) {
		fprintf(stderr, "scan: %s: found %llu pages instead of %llu\n", way->name,
			(unsigned long long)pages, (unsigned long long)expected);
		exit(1);
	}
	printf("%s\tmib=%llu kind=%s dirty=%g\tlook_ns_per_page\t%.3f\n", way->name,
	       (unsigned long long)(end - start) >> 20, kind, percent,
	       (double)took / (double)nr_pages);
}

static void usage(void)
{
	fputs("usage: scan MIB 4k|thp ROUNDS PERCENT...\n", stderr);
	exit(2);
}

/* One round that is not counted, then the others: the first touch of a table is another thing. */
static void measure_all(const char *kind, int rounds, double percent)
{
	make_dirty(percent);
	for (size_t i = 0; i < NR_WAYS; i++)
		ways[i].look();
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < NR_WAYS; i++)
			measure(&ways[i], kind, percent);
}

int main(int argc, char **argv)
{
	uint64_t bytes;

	if (argc < 5 || (strcmp(argv[2], "4k") && strcmp(argv[2], "thp")))
		usage();
	bytes = strtoull(argv[1], NULL, 10) << 20;
	nr_pages = bytes / page_bytes();
	start = (uintptr_t)map_aligned(bytes, argv[2][0] == 't' ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	end = start + bytes;
	start_owner();
	pagemap = track_pagemap_open(owner);
	die_if(pagemap, "pagemap");
	for (int i = 4; i < argc; i++) {
		ours_in_full();
		measure_all(argv[2], atoi(argv[3]), atof(argv[i]));
	}
	return 0;
}
