/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading and arming page tables with PAGEMAP_SCAN (kernel 6.7). All calls work on an open
 * /proc/PID/pagemap, from any process; they go through the range in slices so that the dumpee's
 * mmap_lock is never held long, and resume where the kernel stopped when its vector was full.
 * A task that dies meanwhile has no pages: the answer is empty, or -ESRCH.
 *
 * What a region's categories prove, for a mapping that we registered (docs/tracking.md):
 * WPALLOWED, not WRITTEN, and PRESENT or SWAPPED = untouched since it was armed, with one
 * exception: SWAPPED without PRESENT in a file mapping may be the marker of a page that the task
 * threw away with MADV_DONTNEED. "Not WRITTEN" alone proves nothing.
 */
#ifndef LAZY_WP_TRACK_SCAN_H
#define LAZY_WP_TRACK_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "track/pagemap-abi.h"
#include "util/range.h"

/* Bytes of address space asked for in one ioctl: at 16 ns a page, 2 ms of mmap_lock for reading. */
#define TRACK_SCAN_SLICE (UINT64_C(512) << 20)

struct track_scan_query {
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
	bool write_protect; /* PM_SCAN_WP_MATCHING: protect what matches, atomically with the reading */
	bool all_registered; /* PM_SCAN_CHECK_WPASYNC: -EPERM if a mapping is not registered */
};

/* Called for each region in ascending order; a negative result ends the scan and is returned. */
typedef int track_scan_visit(const struct track_page_region *region, void *arg);

/* Opens /proc/PID/pagemap. -ESRCH, -EACCES, -EPERM, -EMFILE. */
int track_pagemap_open(pid_t pid);

/* Scans [start, end). Errors of the ioctl (man 2 ioctl_pagemap_scan), of visit, -ENOMEM. */
int track_scan(int pagemap_fd, uint64_t start, uint64_t end, const struct track_scan_query *query,
	       track_scan_visit *visit, void *arg);

/*
 * Takes what was written in [start, end): arms every written page that has content of its own
 * (present or swapped, neither zero page nor clean page of a file) and adds it to taken, page by
 * page in one atomic step: a write after it is found by the next call. Never arms pages that do
 * not exist, because protecting a hole leaves a marker that looks like a swapped page, and no
 * guard regions, which would look unwritten then. Ranges not registered for asynchronous
 * write-protect are skipped.
 */
int track_take(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *taken);

/* The bytes of memory that one page table maps, and that a huge page has and is aligned to. */
uint64_t track_table_bytes(void);

/*
 * The number that the zero page has in /proc/PID/pagemap. 0: the kernel does not tell it, for want
 * of CAP_SYS_ADMIN. Found out once.
 */
uint64_t track_zero_page_number(void);

/*
 * Adds to existing every page of [start, end) that has content of its own, written or not:
 * present or swapped, neither zero page nor clean page of a file.
 */
int track_existing(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *existing);

/*
 * True if the kernel tells guard regions from pages (PAGE_IS_GUARD, Linux 6.15). Where it does not
 * they are taken for written pages.
 */
bool track_knows_guards(int pagemap_fd);

/* Adds to guards what of [start, end) is guarded. Only where the kernel can tell. */
int track_find_guards(int pagemap_fd, uint64_t start, uint64_t end, struct range_set *guards);

/* Counts the pages that track_take() would take, and takes none. */
int track_count_written(int pagemap_fd, uint64_t start, uint64_t end, uint64_t *ret_pages);

/* The same where soft-dirty is the tracker; needs no PAGEMAP_SCAN. */
int track_count_soft_dirty(int pagemap_fd, uint64_t start, uint64_t end, uint64_t *ret_pages);

/* The categories that the proof must see; GUARD too where the kernel knows it. */
#define TRACK_PROOF_CATEGORIES                                                  \
	(TRACK_PAGE_IS_WPALLOWED | TRACK_PAGE_IS_WRITTEN | TRACK_PAGE_IS_FILE | \
	 TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED | TRACK_PAGE_IS_PFNZERO)

/*
 * True if categories prove the page untouched since it was armed, with content of its own. A page
 * of the file, or the zero page, is never clean: an armed private page may have been thrown away
 * and read in again as one of these, which is still write-protected.
 */
bool track_is_clean(uint64_t categories, bool in_file_mapping);

/* The same where soft-dirty is the tracker and SOFT_DIRTY among the categories asked for. */
bool track_is_soft_clean(uint64_t categories);

#endif
