/* SPDX-License-Identifier: GPL-2.0-only */
/* What the writer and the reader of the dirty log must agree on, beyond proto/dirty-log.proto. */
#ifndef LAZY_WP_IMAGE_DIRTY_LOG_FORMAT_H
#define LAZY_WP_IMAGE_DIRTY_LOG_FORMAT_H

#include "image/dirty-log.h"

#define DIRTY_LOG_VERSION 1

/*
 * Entries in one message. At their largest, 200 bytes for a mapping and 30 for a range, they
 * stay below the longest message that a reader accepts.
 */
#define DIRTY_LOG_MAPPINGS_PER_RECORD 4096
#define DIRTY_LOG_TAKEN_PER_RECORD    16384
#define DIRTY_LOG_RECORD_BYTES_MAX    (1024 * 1024)

/* Far above any task; a reader's memory grows only as entries really come. */
#define DIRTY_LOG_MAPPINGS_MAX (UINT64_C(1) << 24)
#define DIRTY_LOG_TAKEN_MAX    (UINT64_C(1) << 26)

/* NULL if an entry makes sense, else why not. previous_end: of the mapping before, 0 at first. */
const char *dirty_log_mapping_fault(const struct image_dirty_log_mapping *mapping,
				    uint64_t previous_end);
const char *dirty_log_taken_fault(const struct image_dirty_log_taken *taken);

#endif
