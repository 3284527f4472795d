// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dirty-log.pb-c.h"
#include "image/dirty-log-format.h"
#include "image/stream.h"

/* The state of one reading; what is read so far belongs to log. */
struct reading {
	struct image_reader reader;
	struct image_dirty_log log;
	size_t mappings_cap, taken_cap;
	bool ended;
};

static void end_reading(struct reading *reading)
{
	image_reader_close(&reading->reader);
	image_dirty_log_free(&reading->log);
}

/* Copies a string that must fit; -EBADMSG says why not. */
static int copy_string(struct reading *reading, char *to, size_t size, const char *from)
{
	if (strlen(from) >= size)
		return image_reader_bad(&reading->reader, "a text is too long");
	snprintf(to, size, "%s", from);
	return 0;
}

static int parse_header(struct reading *reading, const LwpDirtyLogHeader *message)
{
	struct image_dirty_log_header *header = &reading->log.header;
	int ret;

	if (message->version != DIRTY_LOG_VERSION)
		return image_reader_bad(&reading->reader,
					"a version of the dirty log that is not known here");
	if (message->session.len != sizeof(header->session))
		return image_reader_bad(&reading->reader, "the session's name has a wrong length");
	memcpy(header->session, message->session.data, sizeof(header->session));
	header->sequence = message->sequence;
	header->pid = message->pid;
	header->start_time = message->start_time;
	header->has_parent = message->has_parent_sequence;
	header->parent_sequence = message->parent_sequence;
	header->remote = message->remote;
	ret = copy_string(reading, header->tracker, sizeof(header->tracker), message->tracker);
	if (!ret)
		ret = copy_string(reading, header->kernel_release, sizeof(header->kernel_release),
				  message->kernel_release);
	if (!ret && message->full_reason)
		ret = copy_string(reading, header->full_reason, sizeof(header->full_reason),
				  message->full_reason);
	return ret;
}

/* Makes room for nr more of size bytes behind the nr_used in *array. */
static int reserve(struct reading *reading, void **array, size_t nr_used, size_t nr, size_t *cap,
		   size_t size, uint64_t limit)
{
	size_t larger = *cap ? 2 * *cap : 64;
	void *moved;

	if (nr_used + nr <= *cap)
		return 0;
	if (nr_used + nr > limit)
		return image_reader_bad(&reading->reader, "too many entries");
	if (larger < nr_used + nr)
		larger = nr_used + nr;
	moved = reallocarray(*array, larger, size);
	if (!moved)
		return image_fail(reading->reader.error, -ENOMEM, "%.80s: out of memory",
				  reading->reader.name);
	*array = moved;
	*cap = larger;
	return 0;
}

static int parse_mapping(struct reading *reading, const LwpDirtyLogMapping *message)
{
	struct image_dirty_log *log = &reading->log;
	uint64_t previous_end = log->nr_mappings ? log->mappings[log->nr_mappings - 1].end : 0;
	struct image_dirty_log_mapping mapping = {
		.start = message->start,
		.end = message->end,
		.pgoff = message->pgoff,
		.dev_major = message->dev_major,
		.dev_minor = message->dev_minor,
		.ino = message->ino,
		.tracking = (enum image_tracking)message->tracking,
	};
	const char *fault = dirty_log_mapping_fault(&mapping, previous_end);
	int ret = fault ? image_reader_bad(&reading->reader, fault) : 0;

	if (!ret)
		ret = copy_string(reading, mapping.perms, sizeof(mapping.perms), message->perms);
	if (!ret && message->reason)
		ret = copy_string(reading, mapping.reason, sizeof(mapping.reason), message->reason);
	if (ret)
		return ret;
	log->mappings[log->nr_mappings++] = mapping;
	return 0;
}

static int parse_taken(struct reading *reading, const LwpDirtyLogTaken *message)
{
	struct image_dirty_log_taken taken = {
		.start = message->start,
		.nr_pages = message->nr_pages,
		.reason = (enum image_taken_reason)message->reason,
	};
	const char *fault = dirty_log_taken_fault(&taken);

	if (fault)
		return image_reader_bad(&reading->reader, fault);
	reading->log.taken[reading->log.nr_taken++] = taken;
	return 0;
}

static int check_end(struct reading *reading, const LwpDirtyLogEnd *end)
{
	if (end->nr_mappings != reading->log.nr_mappings || end->nr_taken != reading->log.nr_taken)
		return image_reader_bad(&reading->reader, "the counts at the end do not match");
	reading->ended = true;
	return 0;
}

static int parse_entries(struct reading *reading, const LwpDirtyLogRecord *record)
{
	struct image_dirty_log *log = &reading->log;
	int ret = reserve(reading, (void **)&log->mappings, log->nr_mappings, record->n_mappings,
			  &reading->mappings_cap, sizeof(*log->mappings), DIRTY_LOG_MAPPINGS_MAX);

	for (size_t i = 0; i < record->n_mappings && !ret; i++)
		ret = parse_mapping(reading, record->mappings[i]);
	if (!ret)
		ret = reserve(reading, (void **)&log->taken, log->nr_taken, record->n_taken,
			      &reading->taken_cap, sizeof(*log->taken), DIRTY_LOG_TAKEN_MAX);
	for (size_t i = 0; i < record->n_taken && !ret; i++)
		ret = parse_taken(reading, record->taken[i]);
	if (!ret && record->end)
		ret = check_end(reading, record->end);
	return ret;
}

static int parse_record(struct reading *reading, bool first, const LwpDirtyLogRecord *record)
{
	if (reading->ended)
		return image_reader_bad(&reading->reader, "something follows the end");
	if (first != !!record->header)
		return image_reader_bad(&reading->reader, first ? "the first message is no header" :
								  "a second header");
	if (first) {
		int ret = parse_header(reading, record->header);

		if (ret)
			return ret;
	}
	return parse_entries(reading, record);
}

/* 1: a record was read; 0: the file ends here. */
static int read_record(struct reading *reading, bool first)
{
	LwpDirtyLogRecord *record;
	const uint8_t *bytes;
	size_t len;
	int ret = image_reader_next(&reading->reader, DIRTY_LOG_RECORD_BYTES_MAX, &bytes, &len);

	if (ret <= 0)
		return ret;
	record = lwp_dirty_log_record__unpack(NULL, len, bytes);
	if (!record)
		return image_reader_bad(&reading->reader, "not a record of a dirty log");
	ret = parse_record(reading, first, record);
	lwp_dirty_log_record__free_unpacked(record, NULL);
	return ret ? ret : 1;
}

static int begin_reading(struct reading *reading, int dir_fd, const char *name,
			 struct image_error *error)
{
	int ret = image_reader_open(&reading->reader, dir_fd, name, IMAGE_MAGIC_SERVICE,
				    IMAGE_MAGIC_DIRTY_LOG, error);

	if (ret)
		return ret;
	ret = read_record(reading, true);
	if (!ret)
		return image_reader_bad(&reading->reader, "the file is cut off before its header");
	return ret < 0 ? ret : 0;
}

int image_dirty_log_read_named(int dir_fd, const char *name, struct image_dirty_log *ret_log,
			       struct image_error *error)
{
	__attribute__((cleanup(end_reading))) struct reading reading = { 0 };
	int ret = begin_reading(&reading, dir_fd, name, error);

	if (ret)
		return ret;
	do {
		ret = read_record(&reading, false);
	} while (ret > 0);
	if (ret)
		return ret;
	if (!reading.ended)
		return image_reader_bad(&reading.reader, "the file is cut off before its end");
	*ret_log = reading.log;
	reading.log = (struct image_dirty_log){ 0 };
	return 0;
}

int image_dirty_log_read(int dir_fd, unsigned int pid, struct image_dirty_log *ret_log,
			 struct image_error *error)
{
	char name[32];

	snprintf(name, sizeof(name), "lazy-wp-%u.img", pid);
	return image_dirty_log_read_named(dir_fd, name, ret_log, error);
}

int image_dirty_log_read_header(int dir_fd, unsigned int pid,
				struct image_dirty_log_header *ret_header,
				struct image_error *error)
{
	__attribute__((cleanup(end_reading))) struct reading reading = { 0 };
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "lazy-wp-%u.img", pid);
	ret = begin_reading(&reading, dir_fd, name, error);
	if (ret)
		return ret;
	*ret_header = reading.log.header;
	return 0;
}
