/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trackers there are, their names, and which of them this kernel's features allow. A tracker
 * is refused when the kernel lacks it, or has a bug that its rule cannot work around.
 */
#ifndef LAZY_WP_TRACK_KIND_H
#define LAZY_WP_TRACK_KIND_H

#include "track/probe.h"

enum track_kind { TRACK_KIND_NONE, TRACK_KIND_UFFD_WP, TRACK_KIND_SOFT_DIRTY };

/* "off", "uffd-wp", "soft-dirty". */
const char *track_kind_name(enum track_kind kind);

/*
 * NULL if these features allow the tracker, else a phrase with what is missing and the first
 * kernel that has it, or with the bug and the first kernel without it. For TRACK_KIND_NONE: why
 * there is no tracker at all.
 */
const char *track_kind_refusal(const struct track_features *features, enum track_kind kind);

/* The best tracker that these features allow. */
enum track_kind track_kind_best(const struct track_features *features);

/* Finds the tracker of that name ("auto": the best). -EINVAL: there is none of that name. */
int track_kind_by_name(const struct track_features *features, const char *name,
		       enum track_kind *ret_kind);

#endif
