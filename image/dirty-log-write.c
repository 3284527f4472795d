// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dirty-log.pb-c.h"
#include "image/dirty-log-format.h"
#include "image/stream.h"
#include "image/writer.h"
#include "util/cleanup.h"

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, 0, size);
}

#define IS_TERMINATED(array) is_terminated(array, sizeof(array))

/* What the reader would refuse must not be written: the iteration could not be built upon. */
static bool is_valid(const struct image_dirty_log *log)
{
	const struct image_dirty_log_header *header = &log->header;
	uint64_t previous_end = 0;

	if (!IS_TERMINATED(header->tracker) || !IS_TERMINATED(header->kernel_release) ||
	    !IS_TERMINATED(header->full_reason) || log->nr_mappings > DIRTY_LOG_MAPPINGS_MAX ||
	    log->nr_taken > DIRTY_LOG_TAKEN_MAX)
		return false;
	for (size_t i = 0; i < log->nr_mappings; i++) {
		const struct image_dirty_log_mapping *mapping = &log->mappings[i];

		if (dirty_log_mapping_fault(mapping, previous_end) ||
		    !IS_TERMINATED(mapping->perms) || !IS_TERMINATED(mapping->reason))
			return false;
		previous_end = mapping->end;
	}
	for (size_t i = 0; i < log->nr_taken; i++)
		if (dirty_log_taken_fault(&log->taken[i]))
			return false;
	return true;
}

static int write_header(struct image_writer *writer, const struct image_dirty_log_header *header)
{
	LwpDirtyLogRecord record = LWP_DIRTY_LOG_RECORD__INIT;
	LwpDirtyLogHeader message = LWP_DIRTY_LOG_HEADER__INIT;

	message.version = DIRTY_LOG_VERSION;
	/* protobuf-c has no pointers to const; packing changes nothing. */
	message.session.data = (uint8_t *)header->session;
	message.session.len = sizeof(header->session);
	message.sequence = header->sequence;
	message.tracker = (char *)header->tracker;
	message.kernel_release = (char *)header->kernel_release;
	message.pid = header->pid;
	message.start_time = header->start_time;
	message.has_parent_sequence = header->has_parent;
	message.parent_sequence = header->parent_sequence;
	message.has_remote = header->remote;
	message.remote = header->remote;
	message.full_reason = header->full_reason[0] ? (char *)header->full_reason : NULL;
	record.header = &message;
	return image_writer_add(writer, &record.base);
}

static void fill_mapping(LwpDirtyLogMapping *message, const struct image_dirty_log_mapping *mapping)
{
	lwp_dirty_log_mapping__init(message);
	message->start = mapping->start;
	message->end = mapping->end;
	message->perms = (char *)mapping->perms;
	message->pgoff = mapping->pgoff;
	message->dev_major = mapping->dev_major;
	message->dev_minor = mapping->dev_minor;
	message->ino = mapping->ino;
	message->tracking = (LwpMappingTracking)mapping->tracking;
	message->reason = mapping->reason[0] ? (char *)mapping->reason : NULL;
}

static int write_mappings(struct image_writer *writer,
			  const struct image_dirty_log_mapping *mappings, size_t nr)
{
	auto_free LwpDirtyLogMapping *messages = calloc(nr, sizeof(*messages));
	auto_free LwpDirtyLogMapping **pointers = calloc(nr, sizeof(*pointers));
	LwpDirtyLogRecord record = LWP_DIRTY_LOG_RECORD__INIT;

	if (!messages || !pointers)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		fill_mapping(&messages[i], &mappings[i]);
		pointers[i] = &messages[i];
	}
	record.mappings = pointers;
	record.n_mappings = nr;
	return image_writer_add(writer, &record.base);
}

static int write_taken(struct image_writer *writer, const struct image_dirty_log_taken *taken,
		       size_t nr)
{
	auto_free LwpDirtyLogTaken *messages = calloc(nr, sizeof(*messages));
	auto_free LwpDirtyLogTaken **pointers = calloc(nr, sizeof(*pointers));
	LwpDirtyLogRecord record = LWP_DIRTY_LOG_RECORD__INIT;

	if (!messages || !pointers)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		lwp_dirty_log_taken__init(&messages[i]);
		messages[i].start = taken[i].start;
		messages[i].nr_pages = taken[i].nr_pages;
		messages[i].reason = (LwpTakenReason)taken[i].reason;
		pointers[i] = &messages[i];
	}
	record.taken = pointers;
	record.n_taken = nr;
	return image_writer_add(writer, &record.base);
}

static int write_end(struct image_writer *writer, const struct image_dirty_log *log)
{
	LwpDirtyLogRecord record = LWP_DIRTY_LOG_RECORD__INIT;
	LwpDirtyLogEnd message = LWP_DIRTY_LOG_END__INIT;

	message.nr_mappings = log->nr_mappings;
	message.nr_taken = log->nr_taken;
	record.end = &message;
	return image_writer_add(writer, &record.base);
}

static size_t batch(size_t left, size_t limit)
{
	return left < limit ? left : limit;
}

static int write_log(struct image_writer *writer, const struct image_dirty_log *log)
{
	int ret = write_header(writer, &log->header);
	size_t nr;

	for (size_t i = 0; i < log->nr_mappings && !ret; i += nr) {
		nr = batch(log->nr_mappings - i, DIRTY_LOG_MAPPINGS_PER_RECORD);
		ret = write_mappings(writer, log->mappings + i, nr);
	}
	for (size_t i = 0; i < log->nr_taken && !ret; i += nr) {
		nr = batch(log->nr_taken - i, DIRTY_LOG_TAKEN_PER_RECORD);
		ret = write_taken(writer, log->taken + i, nr);
	}
	return ret ? ret : write_end(writer, log);
}

int image_dirty_log_write(int dir_fd, unsigned int pid, const struct image_dirty_log *log)
{
	auto_image_writer struct image_writer writer = { 0 };
	char name[32];
	int ret;

	if (!is_valid(log))
		return -EINVAL;
	snprintf(name, sizeof(name), "lazy-wp-%u.img", pid);
	ret = image_writer_open(&writer, dir_fd, name, IMAGE_MAGIC_SERVICE, IMAGE_MAGIC_DIRTY_LOG);
	if (!ret)
		ret = write_log(&writer, log);
	return ret ? ret : image_writer_commit(&writer);
}
