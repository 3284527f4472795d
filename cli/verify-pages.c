// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify-pages.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "track/scan.h"

/* Bits of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst. */
#define PME_PRESENT (UINT64_C(1) << 63)
#define PME_SWAPPED (UINT64_C(1) << 62)
#define PME_FILE    (UINT64_C(1) << 61)
#define PME_GUARD   (UINT64_C(1) << 58) /* 6.14; always 0 before */
#define PME_UFFD_WP (UINT64_C(1) << 57)
#define PME_BATCH   4096

#define CATEGORIES_BASIC                                                        \
	(TRACK_PAGE_IS_WPALLOWED | TRACK_PAGE_IS_WRITTEN | TRACK_PAGE_IS_FILE | \
	 TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED | TRACK_PAGE_IS_PFNZERO)

static int add_region(const struct track_page_region *region, void *arg)
{
	struct verify_pages *pages = arg;
	struct track_page_region *last = pages->nr ? &pages->v[pages->nr - 1] : NULL;

	if (last && last->end == region->start && last->categories == region->categories) {
		last->end = region->end;
		return 0;
	}
	if (pages->nr == pages->cap) {
		size_t cap = pages->cap ? 2 * pages->cap : 256;
		struct track_page_region *v = reallocarray(pages->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		pages->v = v;
		pages->cap = cap;
	}
	pages->v[pages->nr++] = *region;
	return 0;
}

static int scan(int pagemap_fd, uint64_t start, uint64_t end, uint64_t categories,
		struct verify_pages *pages)
{
	const struct track_scan_query query = {
		.category_anyof_mask = TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED,
		.return_mask = categories,
	};

	pages->nr = 0;
	return track_scan(pagemap_fd, start, end, &query, add_region, pages);
}

static uint64_t categories_of(uint64_t entry)
{
	return (entry & PME_PRESENT ? TRACK_PAGE_IS_PRESENT : 0) |
	       (entry & PME_SWAPPED ? TRACK_PAGE_IS_SWAPPED : 0) |
	       (entry & PME_FILE ? TRACK_PAGE_IS_FILE : 0) |
	       (entry & PME_GUARD ? TRACK_PAGE_IS_GUARD : 0) |
	       (entry & TRACK_PME_SOFT_DIRTY ? TRACK_PAGE_IS_SOFT_DIRTY : 0) |
	       /* Only a page that is armed tells by this bit that its mapping is registered. */
	       (entry & PME_UFFD_WP ? TRACK_PAGE_IS_WPALLOWED : TRACK_PAGE_IS_WRITTEN);
}

static int add_entries(const uint64_t *entries, size_t nr, uint64_t start,
		       struct verify_pages *pages)
{
	uint64_t page_size = image_page_size();

	for (size_t i = 0; i < nr; i++, start += page_size) {
		struct track_page_region region = { start, start + page_size,
						    categories_of(entries[i]) };
		int ret = 0;

		if (entries[i] & (PME_PRESENT | PME_SWAPPED))
			ret = add_region(&region, pages);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_pagemap(int pagemap_fd, uint64_t start, uint64_t end, struct verify_pages *pages)
{
	uint64_t page_size = image_page_size(), entries[PME_BATCH];

	pages->nr = 0;
	while (start < end) {
		uint64_t nr_pages = (end - start) / page_size;
		size_t wanted = (nr_pages < PME_BATCH ? nr_pages : PME_BATCH) * sizeof(entries[0]);
		ssize_t nr = pread(pagemap_fd, entries, wanted,
				   (off_t)(start / page_size * sizeof(entries[0])));
		int ret;

		if (nr <= 0) /* nothing: the task has lost its memory */
			return nr ? -errno : -ESRCH;
		nr_pages = (size_t)nr / sizeof(entries[0]);
		ret = add_entries(entries, nr_pages, start, pages);
		if (ret)
			return ret;
		start += nr_pages * page_size;
	}
	return 0;
}

/* Categories that the kernel does not know are refused with EINVAL: GUARD 6.15, SOFT_DIRTY 6.8. */
static int read_pages(int pagemap_fd, uint64_t start, uint64_t end, struct verify_pages *pages)
{
	uint64_t categories = CATEGORIES_BASIC | TRACK_PAGE_IS_SOFT_DIRTY;
	int ret = scan(pagemap_fd, start, end, categories | TRACK_PAGE_IS_GUARD, pages);

	if (ret == -EINVAL)
		ret = scan(pagemap_fd, start, end, categories, pages);
	if (ret == -EINVAL || ret == -ENOTTY)
		ret = read_pagemap(pagemap_fd, start, end, pages);
	return ret;
}

int verify_pages_read(int pagemap_fd, uint64_t start, uint64_t end, struct verify_pages *ret_pages)
{
	auto_verify_pages struct verify_pages pages = { 0 };
	int ret = read_pages(pagemap_fd, start, end, &pages);

	if (ret)
		return ret;
	*ret_pages = pages;
	pages = (struct verify_pages){ 0 };
	return 0;
}

void verify_pages_free(struct verify_pages *pages)
{
	free(pages->v);
	*pages = (struct verify_pages){ 0 };
}
