/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two small images that tell of a whole dump: inventory.img (what restore and the next
 * iteration need to know) and stats-dump (what CRIU measured). Both are loaded into plain
 * structs; nothing is held. Files are hostile: -EBADMSG for whatever is not understood.
 */
#ifndef LAZY_WP_IMAGE_INVENTORY_H
#define LAZY_WP_IMAGE_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "image/error.h"

#define IMAGE_FORMAT_VERSION 2

/* How a pre-dump read memory, CRIU's numbers. */
#define IMAGE_PRE_DUMP_SPLICE 1
#define IMAGE_PRE_DUMP_READ   2 /* leaves out mappings that are not readable */

struct image_inventory {
	uint32_t img_version;
	bool has_dump_uptime;
	uint64_t dump_uptime_us; /* since boot; absent without memory tracking */
	bool has_pre_dump_mode;
	uint32_t pre_dump_mode; /* IMAGE_PRE_DUMP_* */
};

struct image_stats {
	uint32_t freezing_time_us, frozen_time_us, memdump_time_us, memwrite_time_us;
	uint64_t pages_scanned, pages_skipped_parent, pages_written;
};

/* inventory.img of dir_fd. -ENOENT, -EBADMSG, errors of openat(2), -ENOMEM. */
int image_inventory_load(int dir_fd, struct image_inventory *ret_inventory,
			 struct image_error *error);

/* stats-dump of dir_fd. The same errors. */
int image_stats_load(int dir_fd, struct image_stats *ret_stats, struct image_error *error);

/*
 * Write them, as CRIU's pre-dump does (image format 2). An inventory without an uptime would make
 * the next dump refuse or take everything. Errors of openat(2) and write(2), -ENOMEM.
 */
int image_inventory_write(int dir_fd, const struct image_inventory *inventory);
int image_stats_write(int dir_fd, const struct image_stats *stats);

/*
 * Adds pages to those that stats-dump of dir_fd counts as looked at and left to the parent; what
 * else is in it stays. Errors of image_stats_load() and image_stats_write().
 */
int image_stats_add_in_parent(int dir_fd, uint64_t pages);

#endif
