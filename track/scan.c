// SPDX-License-Identifier: GPL-2.0-only
#include "track/scan.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/process.h"

#define SCAN_VECTOR_LEN 1024

int track_pagemap_open(pid_t pid)
{
	return process_open_file(pid, "pagemap");
}

uint64_t track_table_bytes(void)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);

	return page_size / sizeof(uint64_t) * page_size;
}

static int scan_slice(int pagemap_fd, uint64_t start, uint64_t end,
		      const struct track_scan_query *query, track_scan_visit *visit, void *arg)
{
	struct track_page_region regions[SCAN_VECTOR_LEN];

	while (start < end) {
		struct track_pm_scan_arg scan = {
			.size = sizeof(scan),
			.flags = (query->write_protect ? TRACK_PM_SCAN_WP_MATCHING : 0) |
				 (query->all_registered ? TRACK_PM_SCAN_CHECK_WPASYNC : 0),
			.start = start,
			.end = end,
			.vec = (uintptr_t)regions,
			.vec_len = SCAN_VECTOR_LEN,
			.category_inverted = query->category_inverted,
			.category_mask = query->category_mask,
			.category_anyof_mask = query->category_anyof_mask,
			.return_mask = query->return_mask,
		};
		int nr = ioctl(pagemap_fd, TRACK_PAGEMAP_SCAN, &scan);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return -errno;
		for (int i = 0; i < nr; i++) {
			int ret = visit(&regions[i], arg);

			if (ret < 0)
				return ret;
		}
		if (scan.walk_end <= start) /* no progress: a kernel that we do not understand */
			return -EPROTO;
		start = scan.walk_end;
	}
	return 0;
}

int track_scan(int pagemap_fd, uint64_t start, uint64_t end, const struct track_scan_query *query,
	       track_scan_visit *visit, void *arg)
{
	while (start < end) {
		uint64_t stop = end - start > TRACK_SCAN_SLICE ? start + TRACK_SCAN_SLICE : end;
		int ret = scan_slice(pagemap_fd, start, stop, query, visit, arg);

		if (ret)
			return ret;
		start = stop;
	}
	return 0;
}

static int add_region(const struct track_page_region *region, void *arg)
{
	return range_set_add(arg, region->start, region->end);
}

#define NO_CONTENT (TRACK_PAGE_IS_PFNZERO | TRACK_PAGE_IS_FILE)
#define CONTENT    (TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED)

bool track_knows_guards(int pagemap_fd)
{
	static atomic_bool known; /* a kernel does not forget them */
	struct track_page_region region;
	struct track_pm_scan_arg scan = {
		.size = sizeof(scan),
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.return_mask = TRACK_PAGE_IS_GUARD,
	};

	if (!known && !ioctl(pagemap_fd, TRACK_PAGEMAP_SCAN, &scan))
		known = true;
	return known;
}

int track_find_guards(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *guards)
{
	static const struct track_scan_query query = {
		.category_mask = TRACK_PAGE_IS_GUARD,
		.return_mask = TRACK_PAGE_IS_GUARD,
	};

	return track_scan(pagemap_fd, start, end, &query, add_region, guards);
}

int track_take(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *taken)
{
	uint64_t none = NO_CONTENT | (track_knows_guards(pagemap_fd) ? TRACK_PAGE_IS_GUARD : 0);
	const struct track_scan_query query = {
		.category_inverted = none,
		.category_mask = none | TRACK_PAGE_IS_WRITTEN,
		.category_anyof_mask = CONTENT,
		.return_mask = TRACK_PAGE_IS_WRITTEN,
		.write_protect = true,
	};

	return track_scan(pagemap_fd, start, end, &query, add_region, taken);
}

static int count_region(const struct track_page_region *region, void *arg)
{
	*(uint64_t *)arg += region->end - region->start;
	return 0;
}

int track_count_written(int pagemap_fd, uint64_t start, uint64_t end, uint64_t *ret_pages)
{
	static const struct track_scan_query query = {
		.category_inverted = NO_CONTENT,
		.category_mask = NO_CONTENT | TRACK_PAGE_IS_WRITTEN,
		.category_anyof_mask = CONTENT,
		.return_mask = TRACK_PAGE_IS_WRITTEN,
	};
	uint64_t bytes = 0;
	int ret = track_scan(pagemap_fd, start, end, &query, count_region, &bytes);

	if (ret)
		return ret;
	*ret_pages = bytes / (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int track_existing(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *existing)
{
	static const struct track_scan_query query = {
		.category_inverted = NO_CONTENT,
		.category_mask = NO_CONTENT,
		.category_anyof_mask = CONTENT,
		.return_mask = TRACK_PAGE_IS_PRESENT,
	};

	return track_scan(pagemap_fd, start, end, &query, add_region, existing);
}

/* A page of ours that was only read. */
static uint64_t find_zero_page_number(void)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	auto_close int pagemap = track_pagemap_open(getpid());
	void *page = mmap(NULL, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	off_t at = (off_t)((uintptr_t)page / page_size * sizeof(uint64_t));
	uint64_t entry = 0;

	if (page == MAP_FAILED)
		return 0;
	*(volatile uint8_t *)page;
	if (pread(pagemap, &entry, sizeof(entry), at) != (ssize_t)sizeof(entry))
		entry = 0;
	munmap(page, page_size);
	return entry & TRACK_PME_NUMBER;
}

uint64_t track_zero_page_number(void)
{
	static uint64_t number;
	static bool known;

	if (!known)
		number = find_zero_page_number();
	known = true;
	return number;
}

bool track_is_clean(uint64_t categories, bool in_file_mapping)
{
	bool armed = (categories & TRACK_PAGE_IS_WPALLOWED) &&
		     !(categories & TRACK_PAGE_IS_WRITTEN);
	bool guard = categories & TRACK_PAGE_IS_GUARD;
	bool own_content = !(categories & (TRACK_PAGE_IS_FILE | TRACK_PAGE_IS_PFNZERO));
	bool present = categories & TRACK_PAGE_IS_PRESENT;
	bool swapped = categories & TRACK_PAGE_IS_SWAPPED;

	return armed && own_content && !guard && (present || (swapped && !in_file_mapping));
}

bool track_is_soft_clean(uint64_t categories)
{
	const uint64_t excluding = TRACK_PAGE_IS_SOFT_DIRTY | TRACK_PAGE_IS_GUARD |
				   TRACK_PAGE_IS_FILE | TRACK_PAGE_IS_PFNZERO;

	return !(categories & excluding) &&
	       (categories & (TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED));
}

static bool is_soft_dirty(uint64_t entry)
{
	return (entry & (TRACK_PME_PRESENT | TRACK_PME_SWAPPED)) &&
	       (entry & TRACK_PME_SOFT_DIRTY) && !(entry & TRACK_PME_FILE) &&
	       ((entry & TRACK_PME_SWAPPED) || !(entry & TRACK_PME_NUMBER) ||
		(entry & TRACK_PME_NUMBER) != track_zero_page_number());
}

int track_count_soft_dirty(int pagemap_fd, uint64_t start, uint64_t end, uint64_t *ret_pages)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), entries[1024], pages = 0;

	while (start < end) {
		uint64_t left = (end - start) / page_size * sizeof(entries[0]);
		ssize_t nr = pread(pagemap_fd, entries,
				   left < sizeof(entries) ? left : sizeof(entries),
				   (off_t)(start / page_size * sizeof(entries[0])));

		if (nr <= 0) /* nothing: the task has lost its memory */
			return nr ? -errno : -ESRCH;
		for (size_t i = 0; i < (size_t)nr / sizeof(entries[0]); i++)
			pages += is_soft_dirty(entries[i]);
		start += (uint64_t)nr / sizeof(entries[0]) * page_size;
	}
	*ret_pages = pages;
	return 0;
}
