/* SPDX-License-Identifier: GPL-2.0-only */
/* Adding to a pagemap that CRIU has written. */
#ifndef LAZY_WP_IMAGE_MERGE_H
#define LAZY_WP_IMAGE_MERGE_H

#include <stdint.h>

#include "util/range.h"

/*
 * Adds the pages of a set to pagemap-PID.img of dir_fd as pages that the parent directory has. CRIU's
 * own entries stay as they are, byte for byte as protobuf goes, also fields that we do not know;
 * pages that they cover already are left out. The file is replaced in one step, and not synced.
 * -ENOENT: there is none (it went to a page server); -EBADMSG: it is not understood; errors of
 * openat(2) and write(2), -ENOMEM. On failure the file is as before.
 */
int image_pagemap_merge(int dir_fd, unsigned int pid, const struct range_set *pages);

#endif
