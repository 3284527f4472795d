/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of a mapping exist, and what the tracker says of them: PAGEMAP_SCAN's categories,
 * or the same made from /proc/PID/pagemap where the kernel has no such ioctl (before 6.7) or does
 * not tell soft-dirty by it (6.7). Reading changes nothing. The list is the caller's.
 */
#ifndef LAZY_WP_CLI_VERIFY_PAGES_H
#define LAZY_WP_CLI_VERIFY_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "track/pagemap-abi.h"

/* Runs of pages with equal categories (TRACK_PAGE_IS_*), ascending, of the pages that exist. */
struct verify_pages {
	struct track_page_region *v;
	size_t nr, cap;
};

/* Reads the pages in [start, end) through an open /proc/PID/pagemap. -errno, -ENOMEM. */
int verify_pages_read(int pagemap_fd, uint64_t start, uint64_t end, struct verify_pages *ret_pages);

void verify_pages_free(struct verify_pages *pages);
#define auto_verify_pages __attribute__((cleanup(verify_pages_free)))

#endif
