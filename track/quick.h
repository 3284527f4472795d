/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The quick way to take what was written, for private anonymous memory of which most is unwritten:
 * about 2 ns a page where track_take() needs 7 to 16. The kernel's fast path is asked for the
 * pages that may be written, the full question only for those. What is left is proven unwritten:
 *   - the fast path passes over an entry only if it is protected, whether present or swapped;
 *     nothing else in anonymous memory is (throwing a page away leaves no marker there) but a
 *     zero page that the split of a huge page put into the place of a small one full of zeros;
 *   - it also passes over what has no page table; so for each page table one page of what it passed
 *     over is looked at, and must be present or swapped, registered and unwritten. Where no task
 *     that has the memory runs, page tables neither come nor go, and a page that is present proves
 *     its own: move_pages(2), which moves nothing without a list of nodes, tells it of thousands
 *     in one call;
 *   - PM_SCAN_CHECK_WPASYNC: no mapping of the range is one that was not registered.
 */
#ifndef LAZY_WP_TRACK_QUICK_H
#define LAZY_WP_TRACK_QUICK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/range.h"

/*
 * True if this kernel's fast path can be relied upon. Until 6.10 it read a swapped page's entry as
 * if it were a present one (fs/proc/task_mmu.c, "fix uffd-wp confusion in
 * pagemap_scan_pmd_entry()"). That cannot be probed without swapping, so PAGE_IS_GUARD stands for
 * it, which came later (6.15).
 */
bool track_quick_is_exact(int pagemap_fd);

/* What a quick take found; the sets are the caller's, and are added to. */
struct track_quick {
	struct range_set *taken; /* written: armed again */
	struct range_set *quiet; /* there, and proven unwritten */
	struct range_set *empty; /* neither: absent, a zero page, a guard region */
	struct range_set *open;  /* not proven to be any of these: to be asked for in full */
	pid_t stopped;           /* the task, if all tasks that have this memory are; else 0 */
};

/*
 * As track_take() for [start, end), which must be private anonymous memory that was registered
 * before; if it is large and stopped, by several threads. -EPERM: a part of it is not registered;
 * other errors of the ioctl (man 2 ioctl_pagemap_scan) and -ENOMEM. On failure some pages may have
 * been taken, and are in taken; nothing is in the other sets.
 */
int track_take_quickly(int pagemap_fd, uint64_t start, uint64_t end,
		       const struct track_quick *found);

#endif
