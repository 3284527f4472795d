// SPDX-License-Identifier: GPL-2.0-only
#include "track/quick.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "track/scan.h"
#include "util/cleanup.h"

/* Asking about this many unwritten pages costs as much as another system call. */
#define COALESCED_PAGES 64

/* Of stopped memory each part has a thread: two hundred times what starting one costs. */
#define PART_BYTES (UINT64_C(256) << 20)
#define PARTS_MAX  32

/* Page tables asked for in one system call. */
#define TABLES_AT_ONCE 512

bool track_quick_is_exact(int pagemap_fd)
{
	return track_knows_guards(pagemap_fd);
}

static int add_region(const struct track_page_region *region, void *arg)
{
	return range_set_add(arg, region->start, region->end);
}

/* Only exactly this mask takes the kernel's fast path. */
static int scan_fast(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *suspects)
{
	static const struct track_scan_query query = {
		.category_mask = TRACK_PAGE_IS_WRITTEN,
		.return_mask = TRACK_PAGE_IS_WRITTEN,
		.all_registered = true,
	};

	return track_scan(pagemap_fd, start, end, &query, add_region, suspects);
}

static int take_suspects(int pagemap_fd, const struct range_set *suspects, struct range_set *taken)
{
	uint64_t near = COALESCED_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
	int ret = 0;

	for (size_t i = 0, last; i < suspects->nr && !ret; i = last + 1) {
		last = i;
		while (last + 1 < suspects->nr &&
		       suspects->v[last + 1].start - suspects->v[last].end <= near)
			last++;
		ret = track_take(pagemap_fd, suspects->v[i].start, suspects->v[last].end, taken);
	}
	return ret;
}

/* True if the page at start is there, registered and unwritten. */
static bool is_protected(int pagemap_fd, uint64_t start, uint64_t end)
{
	struct track_page_region region;
	struct track_pm_scan_arg scan = {
		.size = sizeof(scan),
		.start = start,
		.end = end,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.max_pages = 1,
		.category_anyof_mask = TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED,
		.return_mask = TRACK_PROOF_CATEGORIES,
	};

	return ioctl(pagemap_fd, TRACK_PAGEMAP_SCAN, &scan) == 1 && region.start == start &&
	       track_is_clean(region.categories, false);
}

/*
 * Adds what lies in a page table of which the first page that belongs to [start, end) is present.
 * Where the kernel does not tell (CONFIG_MIGRATION, PTRACE_MODE_READ) none is added.
 */
static int find_tables(pid_t pid, uint64_t start, uint64_t end, struct range_set *tables)
{
	uint64_t table_bytes = track_table_bytes();
	void *pages[TABLES_AT_ONCE];
	int nodes[TABLES_AT_ONCE], ret = 0;

	while (start < end && !ret) {
		uint64_t next = start;
		size_t nr = 0;

		for (; nr < TABLES_AT_ONCE && next < end; nr++) {
			pages[nr] = (void *)(uintptr_t)next;
			next = (next / table_bytes + 1) * table_bytes;
		}
		if (syscall(SYS_move_pages, pid, nr, pages, NULL, nodes, 0))
			return 0;
		for (size_t i = 0; i < nr && !ret; i++) {
			uint64_t from = (uintptr_t)pages[i];
			uint64_t to = (from / table_bytes + 1) * table_bytes;

			if (nodes[i] >= 0) /* else it is an error: -ENOENT, -EFAULT */
				ret = range_set_add(tables, from, to < end ? to : end);
		}
		start = next;
	}
	return ret;
}

/*
 * One page proves it for all pages of its page table that were passed over. Where it does not, there
 * is no page table, or no mapping at the beginning: what follows may still be anything.
 */
static int prove(int pagemap_fd, const struct range_set *passed_over,
		 const struct track_quick *found)
{
	uint64_t table_bytes = track_table_bytes(), proven_end = 0;
	int ret = 0;

	for (size_t i = 0; i < passed_over->nr; i++) {
		const struct range *range = &passed_over->v[i];
		uint64_t end;

		for (uint64_t start = range->start; start < range->end && !ret; start = end) {
			uint64_t table_end = (start / table_bytes + 1) * table_bytes;

			end = table_end < range->end ? table_end : range->end;
			if (proven_end != table_end && is_protected(pagemap_fd, start, end))
				proven_end = table_end;
			ret = range_set_add(proven_end == table_end ? found->quiet : found->open,
					    start, end);
		}
	}
	return ret;
}

/* What lies in page tables that exist is proven, the rest is looked at. */
static int prove_all(int pagemap_fd, const struct range_set *passed_over,
		     const struct range_set *tables, const struct track_quick *found)
{
	auto_range_set struct range_set proven = { 0 }, rest = { 0 };
	int ret = range_set_intersect(passed_over, tables, &proven);

	if (!ret)
		ret = range_set_add_all(found->quiet, &proven);
	if (!ret)
		ret = range_set_subtract(passed_over, tables, &rest);
	return ret ? ret : prove(pagemap_fd, &rest, found);
}

static int take_part(int pagemap_fd, uint64_t start, uint64_t end, const struct track_quick *found)
{
	auto_range_set struct range_set tables = { 0 }, whole = { 0 }, suspects = { 0 },
					passed_over = { 0 }, taken = { 0 }, empty = { 0 };
	int ret = found->stopped ? find_tables(found->stopped, start, end, &tables) : 0;

	if (!ret)
		ret = scan_fast(pagemap_fd, start, end, &suspects);
	if (!ret)
		ret = take_suspects(pagemap_fd, &suspects, &taken);
	if (!ret)
		ret = range_set_add_all(found->taken, &taken);
	if (!ret)
		ret = range_set_subtract(&suspects, &taken, &empty);
	if (!ret)
		ret = range_set_add_all(found->empty, &empty);
	if (!ret)
		ret = range_set_add(&whole, start, end);
	if (!ret)
		ret = range_set_subtract(&whole, &suspects, &passed_over);
	return ret ? ret : prove_all(pagemap_fd, &passed_over, &tables, found);
}

struct part {
	int pagemap_fd, ret;
	uint64_t start, end;
	struct range_set taken, quiet, empty, open;
	pid_t stopped;
	pthread_t thread;
	bool has_thread;
};

static void *run_part(void *argument)
{
	struct part *part = argument;
	const struct track_quick found = {
		.taken = &part->taken,
		.quiet = &part->quiet,
		.empty = &part->empty,
		.open = &part->open,
		.stopped = part->stopped,
	};

	part->ret = take_part(part->pagemap_fd, part->start, part->end, &found);
	return NULL;
}

/* The threads get no signal: those are for whoever called us. */
static void start_parts(struct part *parts, size_t nr)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 1; i < nr; i++)
		parts[i].has_thread = !pthread_create(&parts[i].thread, NULL, run_part, &parts[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Moves the results over; without proof only what was taken. */
static int end_part(struct part *part, bool proven, const struct track_quick *found)
{
	int ret = range_set_add_all(found->taken, &part->taken);

	if (!ret && proven)
		ret = range_set_add_all(found->quiet, &part->quiet);
	if (!ret && proven)
		ret = range_set_add_all(found->empty, &part->empty);
	if (!ret && proven)
		ret = range_set_add_all(found->open, &part->open);
	range_set_free(&part->taken);
	range_set_free(&part->quiet);
	range_set_free(&part->empty);
	range_set_free(&part->open);
	return ret;
}

static size_t number_of_parts(uint64_t bytes)
{
	size_t nr = bytes / PART_BYTES, processors = (size_t)get_nprocs();

	if (nr > processors)
		nr = processors;
	if (nr > PARTS_MAX)
		nr = PARTS_MAX;
	return nr ? nr : 1;
}

int track_take_quickly(int pagemap_fd, uint64_t start, uint64_t end,
		       const struct track_quick *found)
{
	uint64_t table_bytes = track_table_bytes(), part_bytes;
	size_t nr = found->stopped ? number_of_parts(end - start) : 1;
	struct part parts[PARTS_MAX] = { 0 };
	int ret = 0, failed = 0;

	part_bytes = ((end - start) / nr / table_bytes + 1) * table_bytes;
	for (size_t i = 0; i < nr; i++) {
		parts[i].pagemap_fd = pagemap_fd;
		parts[i].stopped = found->stopped;
		parts[i].start = i ? parts[i - 1].end : start;
		parts[i].end = start / table_bytes * table_bytes + (i + 1) * part_bytes;
		if (i == nr - 1 || parts[i].end > end)
			parts[i].end = end;
	}
	start_parts(parts, nr);
	for (size_t i = 0; i < nr; i++) {
		if (parts[i].has_thread)
			pthread_join(parts[i].thread, NULL);
		else
			run_part(&parts[i]);
		ret = ret ? ret : parts[i].ret;
	}
	for (size_t i = 0; i < nr; i++) {
		int added = end_part(&parts[i], !ret, found);

		failed = failed ? failed : added;
	}
	return ret ? ret : failed;
}
