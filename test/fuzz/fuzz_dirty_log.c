// SPDX-License-Identifier: GPL-2.0-only
/* lazy-wp-PID.img: ordered, aligned, known values, terminated; written and read again it is the same. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "image/dirty-log.h"
#include "image/pagemap.h"
#include "test/fuzz/support.h"

#define TERMINATED(text) memchr(text, 0, sizeof(text))

static void check_mappings(const struct image_dirty_log *log)
{
	uint64_t page_size = image_page_size(), last_end = 0;

	for (size_t i = 0; i < log->nr_mappings; i++) {
		const struct image_dirty_log_mapping *mapping = &log->mappings[i];

		MUST(mapping->start % page_size == 0 && mapping->end % page_size == 0);
		MUST(mapping->pgoff % page_size == 0);
		MUST(mapping->start < mapping->end && mapping->start >= last_end);
		MUST(strcmp(image_tracking_name(mapping->tracking), "unknown"));
		MUST(TERMINATED(mapping->perms) && TERMINATED(mapping->reason));
		last_end = mapping->end;
	}
}

static void check_taken(const struct image_dirty_log *log)
{
	for (size_t i = 0; i < log->nr_taken; i++) {
		const struct image_dirty_log_taken *taken = &log->taken[i];
		uint64_t bytes, end;

		MUST(taken->start % image_page_size() == 0 && taken->nr_pages);
		MUST(!__builtin_mul_overflow(taken->nr_pages, image_page_size(), &bytes));
		MUST(!__builtin_add_overflow(taken->start, bytes, &end));
		MUST(strcmp(image_taken_reason_name(taken->reason), "unknown"));
	}
}

static void check_header(const struct image_dirty_log_header *header)
{
	MUST(TERMINATED(header->tracker) && TERMINATED(header->kernel_release));
	MUST(TERMINATED(header->full_reason));
	MUST(header->has_parent || !header->parent_sequence);
}

static void check_same_header(const struct image_dirty_log_header *a,
			      const struct image_dirty_log_header *b)
{
	MUST(!memcmp(a->session, b->session, sizeof(a->session)) && a->sequence == b->sequence);
	MUST(a->pid == b->pid && a->start_time == b->start_time);
	MUST(a->has_parent == b->has_parent && a->parent_sequence == b->parent_sequence);
	MUST(!strcmp(a->tracker, b->tracker) && !strcmp(a->kernel_release, b->kernel_release));
	MUST(!strcmp(a->full_reason, b->full_reason) && a->remote == b->remote);
}

static void check_same(const struct image_dirty_log *a, const struct image_dirty_log *b)
{
	check_same_header(&a->header, &b->header);
	MUST(a->nr_mappings == b->nr_mappings && a->nr_taken == b->nr_taken);
	for (size_t i = 0; i < a->nr_mappings; i++) {
		const struct image_dirty_log_mapping *x = &a->mappings[i], *y = &b->mappings[i];

		MUST(x->start == y->start && x->end == y->end && x->pgoff == y->pgoff);
		MUST(x->dev_major == y->dev_major && x->dev_minor == y->dev_minor);
		MUST(x->ino == y->ino && x->tracking == y->tracking);
		MUST(!strcmp(x->perms, y->perms) && !strcmp(x->reason, y->reason));
	}
	for (size_t i = 0; i < a->nr_taken; i++) {
		const struct image_dirty_log_taken *x = &a->taken[i], *y = &b->taken[i];

		MUST(x->start == y->start && x->nr_pages == y->nr_pages && x->reason == y->reason);
	}
}

static void check_round_trip(const struct image_dirty_log *log)
{
	auto_image_dirty_log struct image_dirty_log again = { 0 };
	struct image_dirty_log_header header;

	MUST(!image_dirty_log_write(fuzz_directory(), 1, log));
	MUST(!image_dirty_log_read(fuzz_directory(), 1, &again, NULL));
	check_same(log, &again);
	MUST(!image_dirty_log_read_header(fuzz_directory(), 1, &header, NULL));
	check_same_header(&log->header, &header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_image_dirty_log struct image_dirty_log log = { 0 };
	struct image_error error = { "" };
	int ret;

	fuzz_memory_file(data, size);
	ret = image_dirty_log_read_named(AT_FDCWD, fuzz_memory_path(), &log, &error);
	if (ret) {
		MUST(ret == -EBADMSG && error.text[0] && !log.mappings && !log.taken);
		return 0;
	}
	/* Eight required fields of a mapping, three of a range: a key and a value each. */
	MUST(log.nr_mappings <= size / 16 && log.nr_taken <= size / 6);
	check_header(&log.header);
	check_mappings(&log);
	check_taken(&log);
	check_round_trip(&log);
	return 0;
}
