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
	/* Bugs of known kernels. The tracker's rule holds in spite of them; see docs/tracking.md. */
	bool zapped_is_clean;   /* a thrown-away page is reported as not written */
	bool moved_keeps_armed; /* mremap keeps write-protect bits (CVE-2025-21696) */
	int uffd_error;         /* why uffd_wp_async is false: -errno, else 0 */
};

enum track_kind { TRACK_KIND_NONE, TRACK_KIND_UFFD_WP, TRACK_KIND_SOFT_DIRTY };

/* Probes all of it, about a millisecond. -ENOMEM, -EMFILE: could not probe. */
int track_probe(struct track_features *ret_features);

/* The best tracker that these features allow. */
enum track_kind track_best_kind(const struct track_features *features);

/* "uffd-wp", "soft-dirty", "off". */
const char *track_kind_name(enum track_kind kind);

/* One phrase that says what a missing tracker needs: the feature and the first kernel with it. */
const char *track_kind_missing(enum track_kind kind);

#endif
