// SPDX-License-Identifier: GPL-2.0-only
#include "image/inventory.h"

#include <errno.h>

#include "criu-images.pb-c.h"
#include "image/stream.h"
#include "image/writer.h"

/* The inventory holds names of plugins, a few hundred bytes in all. */
#define MESSAGE_BYTES_MAX (64 * 1024)

/* The only message of an image; -EBADMSG if there is none. */
static int read_only_message(struct image_reader *reader, const uint8_t **ret_bytes,
			     size_t *ret_len)
{
	int ret = image_reader_next(reader, MESSAGE_BYTES_MAX, ret_bytes, ret_len);

	if (ret < 0)
		return ret;
	return ret ? 0 : image_reader_bad(reader, "the image is empty");
}

int image_inventory_load(int dir_fd, struct image_inventory *ret_inventory,
			 struct image_error *error)
{
	auto_image_reader struct image_reader reader = { 0 };
	LwpInventory *message;
	const uint8_t *bytes;
	size_t len;
	int ret = image_reader_open(&reader, dir_fd, "inventory.img", 0, IMAGE_MAGIC_INVENTORY,
				    error);

	if (!ret)
		ret = read_only_message(&reader, &bytes, &len);
	if (ret)
		return ret;
	message = lwp_inventory__unpack(NULL, len, bytes);
	if (!message)
		return image_reader_bad(&reader, "not an inventory");
	*ret_inventory = (struct image_inventory){
		.img_version = message->img_version,
		.has_dump_uptime = message->has_dump_uptime,
		.dump_uptime_us = message->dump_uptime,
		.has_pre_dump_mode = message->has_pre_dump_mode,
		.pre_dump_mode = message->pre_dump_mode,
	};
	lwp_inventory__free_unpacked(message, NULL);
	return 0;
}

/* The message is the caller's; its dump is there. */
static int load_stats(int dir_fd, struct image_error *error, LwpStats **ret_message)
{
	auto_image_reader struct image_reader reader = { 0 };
	LwpStats *message;
	const uint8_t *bytes;
	size_t len;
	int ret = image_reader_open(&reader, dir_fd, "stats-dump", IMAGE_MAGIC_SERVICE,
				    IMAGE_MAGIC_STATS, error);

	if (!ret)
		ret = read_only_message(&reader, &bytes, &len);
	if (ret)
		return ret;
	message = lwp_stats__unpack(NULL, len, bytes);
	if (!message || !message->dump) {
		lwp_stats__free_unpacked(message, NULL);
		return image_reader_bad(&reader, "no statistics of a dump");
	}
	*ret_message = message;
	return 0;
}

int image_stats_load(int dir_fd, struct image_stats *ret_stats, struct image_error *error)
{
	LwpStats *message;
	int ret = load_stats(dir_fd, error, &message);

	if (ret)
		return ret;
	*ret_stats = (struct image_stats){
		.freezing_time_us = message->dump->freezing_time,
		.frozen_time_us = message->dump->frozen_time,
		.memdump_time_us = message->dump->memdump_time,
		.memwrite_time_us = message->dump->memwrite_time,
		.pages_scanned = message->dump->pages_scanned,
		.pages_skipped_parent = message->dump->pages_skipped_parent,
		.pages_written = message->dump->pages_written,
	};
	lwp_stats__free_unpacked(message, NULL);
	return 0;
}

static int write_only_message(int dir_fd, const char *name, uint32_t first, uint32_t magic,
			      const ProtobufCMessage *message)
{
	auto_image_writer struct image_writer writer = { 0 };
	int ret = image_writer_open(&writer, dir_fd, name, first, magic);

	if (!ret)
		ret = image_writer_add(&writer, message);
	return ret ? ret : image_writer_commit(&writer);
}

int image_inventory_write(int dir_fd, const struct image_inventory *inventory)
{
	LwpInventory message = LWP_INVENTORY__INIT;

	message.img_version = inventory->img_version;
	message.has_dump_uptime = inventory->has_dump_uptime;
	message.dump_uptime = inventory->dump_uptime_us;
	message.has_pre_dump_mode = inventory->has_pre_dump_mode;
	message.pre_dump_mode = inventory->pre_dump_mode;
	return write_only_message(dir_fd, "inventory.img", 0, IMAGE_MAGIC_INVENTORY, &message.base);
}

int image_stats_write(int dir_fd, const struct image_stats *stats)
{
	LwpStats message = LWP_STATS__INIT;
	LwpDumpStats dump = LWP_DUMP_STATS__INIT;

	dump.freezing_time = stats->freezing_time_us;
	dump.frozen_time = stats->frozen_time_us;
	dump.memdump_time = stats->memdump_time_us;
	dump.memwrite_time = stats->memwrite_time_us;
	dump.pages_scanned = stats->pages_scanned;
	dump.pages_skipped_parent = stats->pages_skipped_parent;
	dump.pages_written = stats->pages_written;
	dump.has_pages_lazy = true;
	dump.has_shpages_scanned = true;
	dump.has_shpages_skipped_parent = true;
	dump.has_shpages_written = true;
	message.dump = &dump;
	return write_only_message(dir_fd, "stats-dump", IMAGE_MAGIC_SERVICE, IMAGE_MAGIC_STATS,
				  &message.base);
}

int image_stats_add_in_parent(int dir_fd, uint64_t pages)
{
	LwpStats *message;
	int ret = load_stats(dir_fd, NULL, &message);

	if (ret)
		return ret;
	message->dump->pages_scanned += pages;
	message->dump->pages_skipped_parent += pages;
	ret = write_only_message(dir_fd, "stats-dump", IMAGE_MAGIC_SERVICE, IMAGE_MAGIC_STATS,
				 &message->base);
	lwp_stats__free_unpacked(message, NULL);
	return ret;
}
