/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this kernel can tell about written pages, found by doing it to ourselves: memory is
 * written, armed and looked at. Versions and config files are never consulted, because
 * distributions backport and switch off. Only the calling process is touched.
 */
#ifndef LAZY_WP_TRACK_PROBE_H
#define LAZY_WP_TRACK_PROBE_H

#include <stdbool.h>

struct track_features {
	bool pagemap_scan; /* the PAGEMAP_SCAN ioctl (6.7) */
	bool uffd_wp_async; /* asynchronous write-protect works and PAGEMAP_SCAN sees it (6.7, arm64 6.10) */
	bool soft_dirty; /* clear_refs resets and pagemap shows bit 55 (CONFIG_MEM_SOFT_DIRTY) */
	/* Bugs of known kernels; docs/tracking.md says what becomes of each. */
	bool zapped_is_clean;   /* a thrown-away page is reported as not written: worked around */
	bool moved_keeps_armed; /* mremap keeps write-protect bits (CVE-2025-21696): refused */
	int uffd_error;         /* why uffd_wp_async is false: -errno, else 0 */
};

/* Probes all of it, about a millisecond. -ENOMEM, -EMFILE: could not probe. */
int track_probe(struct track_features *ret_features);

#endif
