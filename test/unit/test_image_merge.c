// SPDX-License-Identifier: GPL-2.0-only
/* Pages of the parent added to a pagemap that CRIU has written, and to its statistics. */
#include "test/unit/test_image_files.h"

#include <errno.h>

#include "image/inventory.h"
#include "image/merge.h"

#define PRESENT IMAGE_PAGES_PRESENT
#define PARENT  IMAGE_PAGES_IN_PARENT
#define NAME    "pagemap-57.img"
#define PID     57

static uint64_t page;

static void add_range(struct range_set *set, uint64_t start, uint64_t end)
{
	assert_int_equal(range_set_add(set, start * page, end * page), 0);
}

static size_t read_file(int dir, const char *name, uint8_t *bytes, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, bytes, cap);
	close(fd);
	assert_true(len >= 0);
	return (size_t)len;
}

/* Before, between and behind what is there, and around it. */
static void test_merge(void **state)
{
	const struct test_dir *dir = *state;
	auto_range_set struct range_set pages = { 0 };
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	static const struct {
		uint64_t vaddr, nr;
		uint32_t flags;
	} expected[] = {
		{ 0x08, 2, PARENT },  { 0x10, 2, PRESENT }, { 0x12, 1, PARENT },
		{ 0x13, 5, PARENT },  { 0x18, 1, PRESENT }, { 0x19, 2, PARENT },
		{ 0x30, 1, PRESENT }, { 0x40, 8, PARENT },
	};
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 3);
	add_entry(&bytes, 0x10 * page, 2, PRESENT);
	add_entry(&bytes, 0x12 * page, 1, PARENT);
	add_entry(&bytes, 0x18 * page, 1, PRESENT);
	add_entry(&bytes, 0x30 * page, 1, PRESENT);
	write_image(dir->fd, NAME, &bytes);
	write_pages(dir->fd, "pages-3.img", 1, 4);
	add_range(&pages, 0x08, 0x0a);
	add_range(&pages, 0x11, 0x1b);
	add_range(&pages, 0x40, 0x48);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(image_pagemap_merge(dir->fd, PID, &pages), 0);
		image_pagemap_free(&pagemap);
		assert_int_equal(image_pagemap_load(dir->fd, PID, &pagemap, NULL), 0);
		assert_int_equal(pagemap.pages_id, 3);
		assert_int_equal(pagemap.nr, sizeof(expected) / sizeof(expected[0]));
		for (size_t i = 0; i < pagemap.nr; i++) {
			assert_int_equal(pagemap.v[i].vaddr, expected[i].vaddr * page);
			assert_int_equal(pagemap.v[i].nr_pages, expected[i].nr);
			assert_int_equal(pagemap.v[i].flags, expected[i].flags);
		}
	}
}

/* Compressed pages (field 6), and what a later CRIU may add to an entry, here field 9, stay. */
static void test_unknown_fields(void **state)
{
	const struct test_dir *dir = *state;
	static const uint8_t entry[] = { 0x08, 0x80, 0x80, 0x04, 0x10, 1,  0x20, 4, 0x28, 1, 0x32,
					 7,    0x10, 99,   0x0a, 1,    99, 0x18, 1, 0x48, 77 };
	auto_range_set struct range_set pages = { 0 };
	struct bytes bytes = { .len = 0 };
	uint8_t merged[4096];
	size_t len;

	begin_pagemap(&bytes, 3);
	add_number(&bytes, sizeof(entry));
	add_bytes(&bytes, entry, sizeof(entry));
	write_image(dir->fd, NAME, &bytes);
	add_range(&pages, 0x20, 0x28);
	assert_int_equal(image_pagemap_merge(dir->fd, PID, &pages), 0);
	len = read_file(dir->fd, NAME, merged, sizeof(merged));
	assert_true(len > bytes.len);
	assert_non_null(memmem(merged, len, entry, sizeof(entry)));
}

static void test_empty_pagemap(void **state)
{
	const struct test_dir *dir = *state;
	auto_range_set struct range_set pages = { 0 };
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 1);
	write_image(dir->fd, NAME, &bytes);
	add_range(&pages, 0x20, 0x28);
	assert_int_equal(image_pagemap_merge(dir->fd, PID, &pages), 0);
	assert_int_equal(image_pagemap_load(dir->fd, PID, &pagemap, NULL), 0);
	assert_int_equal(pagemap.nr, 1);
	assert_int_equal(pagemap.v[0].flags, PARENT);
}

static void test_missing(void **state)
{
	const struct test_dir *dir = *state;
	auto_range_set struct range_set pages = { 0 };

	add_range(&pages, 0x20, 0x28);
	assert_int_equal(image_pagemap_merge(dir->fd, PID, &pages), -ENOENT);
}

static void test_cut_off(void **state)
{
	const struct test_dir *dir = *state;
	auto_range_set struct range_set pages = { 0 };
	struct bytes bytes = { .len = 0 }, cut;
	uint8_t after[4096];

	begin_pagemap(&bytes, 3);
	add_entry(&bytes, 0x10 * page, 2, PRESENT);
	add_range(&pages, 0x20, 0x28);
	for (size_t len = 0; len < bytes.len; len++) {
		int ret;

		cut = bytes;
		cut.len = len;
		write_image(dir->fd, NAME, &cut);
		ret = image_pagemap_merge(dir->fd, PID, &pages);
		if (!ret) /* only behind the head is the end an end */
			continue;
		assert_int_equal(ret, -EBADMSG);
		assert_int_equal(read_file(dir->fd, NAME, after, sizeof(after)), len);
		assert_memory_equal(after, cut.v, len);
	}
}

static void test_statistics(void **state)
{
	const struct test_dir *dir = *state;
	const struct image_stats stats = { .frozen_time_us = 5,
					   .pages_scanned = 10,
					   .pages_skipped_parent = 3,
					   .pages_written = 7 };
	struct image_stats loaded;

	assert_int_equal(image_stats_add_in_parent(dir->fd, 100), -ENOENT);
	assert_int_equal(image_stats_write(dir->fd, &stats), 0);
	assert_int_equal(image_stats_add_in_parent(dir->fd, 100), 0);
	assert_int_equal(image_stats_load(dir->fd, &loaded, NULL), 0);
	assert_int_equal(loaded.frozen_time_us, 5);
	assert_int_equal(loaded.pages_scanned, 110);
	assert_int_equal(loaded.pages_skipped_parent, 103);
	assert_int_equal(loaded.pages_written, 7);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, test_dir_setup, test_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_merge),   IN_DIR(test_unknown_fields), IN_DIR(test_empty_pagemap),
		IN_DIR(test_missing), IN_DIR(test_cut_off),        IN_DIR(test_statistics),
	};

	page = image_page_size();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
