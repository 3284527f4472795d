// SPDX-License-Identifier: GPL-2.0-only
#include "track/quick.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "track/scan.h"
#include "util/cleanup.h"

/* Asking about this many unwritten pages costs as much as another system call. */
#define COALESCED_PAGES 64

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
 * One page proves it for all pages of its page table that were passed over. Where it does not, there
 * is no page table, or no mapping at the beginning: what follows may still be anything.
 */
static int prove(int pagemap_fd, const struct range_set *passed_over,
		 const struct track_quick *found)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t table_bytes = page_size / sizeof(uint64_t) * page_size, proven_end = 0;
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

static int add_all(struct range_set *set, const struct range_set *added)
{
	int ret = 0;

	for (size_t i = 0; i < added->nr && !ret; i++)
		ret = range_set_add(set, added->v[i].start, added->v[i].end);
	return ret;
}

int track_take_quickly(int pagemap_fd, uint64_t start, uint64_t end,
		       const struct track_quick *found)
{
	auto_range_set struct range_set whole = { 0 }, suspects = { 0 }, passed_over = { 0 },
					taken = { 0 }, empty = { 0 };
	int ret = scan_fast(pagemap_fd, start, end, &suspects);

	if (!ret)
		ret = take_suspects(pagemap_fd, &suspects, &taken);
	if (!ret)
		ret = add_all(found->taken, &taken);
	if (!ret)
		ret = range_set_subtract(&suspects, &taken, &empty);
	if (!ret)
		ret = add_all(found->empty, &empty);
	if (!ret)
		ret = range_set_add(&whole, start, end);
	if (!ret)
		ret = range_set_subtract(&whole, &suspects, &passed_over);
	return ret ? ret : prove(pagemap_fd, &passed_over, found);
}
