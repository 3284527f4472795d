/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's interface as far as we need it and as far as older C libraries' headers lack it:
 * PAGEMAP_SCAN (linux/fs.h, kernel 6.7) and asynchronous userfaultfd write-protect
 * (linux/userfaultfd.h, kernel 6.7). Numbers are kernel ABI and never change.
 * The names carry our prefix so that newer headers, which define the kernel's, do no harm.
 */
#ifndef LAZY_WP_TRACK_PAGEMAP_ABI_H
#define LAZY_WP_TRACK_PAGEMAP_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

#define TRACK_PAGE_IS_WPALLOWED  (1u << 0)
#define TRACK_PAGE_IS_WRITTEN    (1u << 1)
#define TRACK_PAGE_IS_FILE       (1u << 2)
#define TRACK_PAGE_IS_PRESENT    (1u << 3)
#define TRACK_PAGE_IS_SWAPPED    (1u << 4)
#define TRACK_PAGE_IS_PFNZERO    (1u << 5)
#define TRACK_PAGE_IS_HUGE       (1u << 6)
#define TRACK_PAGE_IS_SOFT_DIRTY (1u << 7)
#define TRACK_PAGE_IS_GUARD      (1u << 8)

#define TRACK_PM_SCAN_WP_MATCHING   (1u << 0)
#define TRACK_PM_SCAN_CHECK_WPASYNC (1u << 1)

struct track_page_region {
	uint64_t start, end;
	uint64_t categories;
};

struct track_pm_scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end;
	uint64_t vec, vec_len;
	uint64_t max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define TRACK_PAGEMAP_SCAN _IOWR('f', 16, struct track_pm_scan_arg)

/* Bits of one 64-bit entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define TRACK_PME_NUMBER     ((UINT64_C(1) << 55) - 1) /* of the page; of one that is present */
#define TRACK_PME_SOFT_DIRTY (UINT64_C(1) << 55)
#define TRACK_PME_FILE       (UINT64_C(1) << 61)
#define TRACK_PME_SWAPPED    (UINT64_C(1) << 62)
#define TRACK_PME_PRESENT    (UINT64_C(1) << 63)

#define TRACK_UFFD_FEATURE_WP_ASYNC (UINT64_C(1) << 15)

#endif
