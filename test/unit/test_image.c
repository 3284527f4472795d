// SPDX-License-Identifier: GPL-2.0-only
/* CRIU's images: pagemap, inventory, statistics and the chain of parents. */
#include "test/unit/test_image_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "image/chain.h"
#include "image/inventory.h"

#define PRESENT IMAGE_PAGES_PRESENT
#define PARENT  IMAGE_PAGES_IN_PARENT
#define LAZY    IMAGE_PAGES_LAZY

#define PID 57

static uint64_t page;

static int load(const struct test_dir *dir, struct image_pagemap *ret_pagemap,
		struct image_error *error)
{
	return image_pagemap_load(dir->fd, PID, ret_pagemap, error);
}

/* Writes bytes as the pagemap and expects a refusal with the word in its text. */
static void expect_bad(const struct test_dir *dir, const struct bytes *bytes, const char *word)
{
	struct image_pagemap pagemap = { .pages_id = 4711 };
	struct image_error error = { "" };

	write_image(dir->fd, "pagemap-57.img", bytes);
	assert_int_equal(load(dir, &pagemap, &error), -EBADMSG);
	assert_int_equal(pagemap.pages_id, 4711);
	if (!strstr(error.text, word))
		fail_msg("'%s' is not in '%s'", word, error.text);
}

static void test_pagemap_entries(void **state)
{
	const struct test_dir *dir = *state;
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 3);
	add_entry(&bytes, 0x10 * page, 2, PRESENT | LAZY);
	add_entry(&bytes, 0x12 * page, 1, PARENT);
	add_entry(&bytes, 0x20 * page, 4, LAZY);
	add_entry(&bytes, 0x30 * page, 1, PRESENT);
	write_image(dir->fd, "pagemap-57.img", &bytes);
	write_pages(dir->fd, "pages-3.img", 1, 3);
	assert_int_equal(load(dir, &pagemap, NULL), 0);
	assert_int_equal(pagemap.pages_id, 3);
	assert_int_equal(pagemap.nr, 4);
	assert_int_equal(pagemap.nr_present_pages, 3);
	assert_true(pagemap.has_parent_entries);
	assert_int_equal(pagemap.v[0].offset, 0);
	assert_int_equal(pagemap.v[3].offset, 2 * page);
	assert_int_equal(pagemap.v[1].flags, PARENT);
	assert_int_equal(pagemap.cover.nr, 2);
	assert_true(range_set_contains(&pagemap.cover, 0x10 * page, 0x13 * page));
	assert_true(range_set_contains(&pagemap.cover, 0x30 * page, 0x31 * page));
	assert_ptr_equal(image_pagemap_find(&pagemap, 0x11 * page), &pagemap.v[0]);
	assert_ptr_equal(image_pagemap_find(&pagemap, 0x13 * page), &pagemap.v[2]);
	assert_null(image_pagemap_find(&pagemap, 0x31 * page));
}

/* Before CRIU 4.2 the count was field 2, and before 2.x there were no flags. */
static void test_pagemap_old_encodings(void **state)
{
	const struct test_dir *dir = *state;
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	LwpPagemapEntry entry = LWP_PAGEMAP_ENTRY__INIT;
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 1);
	entry.vaddr = 5 * page;
	entry.compat_nr_pages = 2;
	add_message(&bytes, &entry.base);
	entry.vaddr = 7 * page;
	entry.has_in_parent = entry.in_parent = true;
	add_message(&bytes, &entry.base);
	entry.vaddr = 9 * page;
	entry.has_in_parent = false;
	entry.has_nr_pages = true;
	entry.nr_pages = 3;
	add_message(&bytes, &entry.base);
	write_image(dir->fd, "pagemap-57.img", &bytes);
	write_pages(dir->fd, "pages-1.img", 0, 5);
	assert_int_equal(load(dir, &pagemap, NULL), 0);
	assert_int_equal(pagemap.nr, 3);
	assert_int_equal(pagemap.v[0].flags, PRESENT);
	assert_int_equal(pagemap.v[0].nr_pages, 2);
	assert_int_equal(pagemap.v[1].flags, PARENT);
	assert_int_equal(pagemap.v[2].nr_pages, 3);
	assert_int_equal(pagemap.v[2].offset, 2 * page);
}

/* Offsets follow the order in the file, look-ups the order of addresses. */
static void test_pagemap_unordered(void **state)
{
	const struct test_dir *dir = *state;
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 1);
	add_entry(&bytes, 9 * page, 1, PRESENT);
	add_entry(&bytes, 4 * page, 2, PRESENT);
	write_image(dir->fd, "pagemap-57.img", &bytes);
	write_pages(dir->fd, "pages-1.img", 0, 3);
	assert_int_equal(load(dir, &pagemap, NULL), 0);
	assert_int_equal(pagemap.v[0].vaddr, 4 * page);
	assert_int_equal(pagemap.v[0].offset, page);
	assert_int_equal(pagemap.v[1].offset, 0);
}

/* Which pages there are is known all the same; where they are is not. */
static void test_pagemap_compressed(void **state)
{
	const struct test_dir *dir = *state;
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	static const uint8_t payload[100];
	struct bytes bytes = { .len = 0 };

	begin_pagemap(&bytes, 1);
	add_compressed_entry(&bytes, 4 * page, 1024, sizeof(payload));
	add_entry(&bytes, 2000 * page, 1, PARENT);
	write_image(dir->fd, "pagemap-57.img", &bytes);
	write_file(dir->fd, "pages-1.img", payload, sizeof(payload));
	assert_int_equal(load(dir, &pagemap, NULL), 0);
	assert_true(pagemap.compressed);
	assert_int_equal(pagemap.nr_present_pages, 1024);
	assert_true(range_set_contains(&pagemap.cover, 4 * page, 1028 * page));
	write_file(dir->fd, "pages-1.img", payload, sizeof(payload) - 1);
	expect_bad(dir, &bytes, "cut off");
	begin_pagemap(&bytes, 1);
	add_compressed_entry(&bytes, 4 * page, 2, 2 * page + 1);
	expect_bad(dir, &bytes, "larger than they were");
}

static void test_pagemap_refused(void **state)
{
	const struct {
		uint64_t vaddr_pages, vaddr_rest, nr_pages;
		uint32_t flags;
		const char *word;
	} entries[] = {
		{ 1, 1, 1, PARENT, "page-aligned" },
		{ 1, 0, 0, PARENT, "no pages" },
		{ 1, 0, UINT64_MAX, PARENT, "end of all addresses" },
		{ 2, 0, UINT64_MAX / page, PARENT, "end of all addresses" },
		{ 1, 0, 1, PARENT | PRESENT, "both" },
		{ 1, 0, 1, 0, "nowhere" },
		{ 1, 0, 1, 8, "nowhere" },
		{ 1, 0, (UINT64_C(1) << 63) / page, PRESENT, "than a file can hold" },
		{ 1, 0, 1, PRESENT, "pages-1.img: missing" },
	};
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		begin_pagemap(&bytes, 1);
		add_entry(&bytes, entries[i].vaddr_pages * page + entries[i].vaddr_rest,
			  entries[i].nr_pages, entries[i].flags);
		expect_bad(dir, &bytes, entries[i].word);
	}
	begin_pagemap(&bytes, 1);
	add_entry(&bytes, 4 * page, 3, PARENT);
	add_entry(&bytes, 6 * page, 1, PARENT);
	expect_bad(dir, &bytes, "overlap");
	/* Later entries must not wrap the sum of pages around. */
	begin_pagemap(&bytes, 1);
	for (uint64_t i = 0; i < 8; i++)
		add_entry(&bytes, i << 60, UINT64_C(1) << 48, PRESENT);
	expect_bad(dir, &bytes, "than a file can hold");
}

static void test_pagemap_framing_refused(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };

	expect_bad(dir, &bytes, "magic");
	add_number(&bytes, MAGIC_PAGEMAP);
	add_number(&bytes, MAGIC_COMMON);
	expect_bad(dir, &bytes, "magic");
	bytes.len = 0;
	add_number(&bytes, MAGIC_COMMON);
	add_number(&bytes, MAGIC_PAGEMAP);
	expect_bad(dir, &bytes, "no head");
	add_number(&bytes, UINT32_MAX);
	expect_bad(dir, &bytes, "longer than any");
	begin_pagemap(&bytes, 1);
	add_number(&bytes, 100);
	expect_bad(dir, &bytes, "cut off");
}

static void test_pagemap_pages_cut_off(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };
	int fd;

	begin_pagemap(&bytes, 2);
	add_entry(&bytes, 4 * page, 3, PRESENT);
	write_pages(dir->fd, "pages-2.img", 0, 3);
	fd = openat(dir->fd, "pages-2.img", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 3 * (off_t)page - 1), 0);
	close(fd);
	expect_bad(dir, &bytes, "pages-2.img: has");
}

static void test_pagemap_missing(void **state)
{
	const struct test_dir *dir = *state;
	struct image_error error = { "" };
	struct image_pagemap pagemap;

	assert_int_equal(load(dir, &pagemap, &error), -ENOENT);
	assert_non_null(strstr(error.text, "pagemap-57.img"));
	/* A FIFO must be refused and not waited for. */
	assert_int_equal(mkfifoat(dir->fd, "pagemap-57.img", 0600), 0);
	assert_int_equal(load(dir, &pagemap, &error), -EBADMSG);
}

/* An error, or entries that keep every promise of the header. */
static void expect_error_or_valid(const struct test_dir *dir)
{
	struct image_pagemap pagemap;
	uint64_t end = 0, present = 0;
	int ret = load(dir, &pagemap, NULL);

	if (ret) {
		assert_int_equal(ret, -EBADMSG);
		return;
	}
	for (size_t i = 0; i < pagemap.nr; i++) {
		const struct image_pagemap_entry *entry = &pagemap.v[i];

		assert_int_equal(entry->vaddr % page, 0);
		assert_true(entry->vaddr >= end && entry->nr_pages);
		end = entry->vaddr + entry->nr_pages * page;
		assert_true(end > entry->vaddr);
		if (entry->flags & PRESENT)
			present += entry->nr_pages;
	}
	assert_true(present <= 3 && present == pagemap.nr_present_pages);
	image_pagemap_free(&pagemap);
}

static void make_small_pagemap(const struct test_dir *dir, struct bytes *bytes)
{
	begin_pagemap(bytes, 3);
	add_entry(bytes, 0x7f0012345 * page, 2, PRESENT | LAZY);
	add_entry(bytes, 0x7f0012350 * page, 1, PARENT);
	add_entry(bytes, 0x7f0012360 * page, 1, PRESENT);
	write_pages(dir->fd, "pages-3.img", 1, 3);
}

static void test_pagemap_truncated_everywhere(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };
	int whole = 0;

	make_small_pagemap(dir, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		struct image_pagemap pagemap;

		write_file(dir->fd, "pagemap-57.img", bytes.v, len);
		expect_error_or_valid(dir);
		if (!load(dir, &pagemap, NULL)) {
			/* Cut between two messages: CRIU's format cannot tell. */
			assert_true(pagemap.nr < 3);
			image_pagemap_free(&pagemap);
			whole++;
		}
	}
	assert_int_equal(whole, 3);
}

static void test_pagemap_flipped_everywhere(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };

	make_small_pagemap(dir, &bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes.v[i] ^= 1 << bit;
			write_image(dir->fd, "pagemap-57.img", &bytes);
			expect_error_or_valid(dir);
			bytes.v[i] ^= 1 << bit;
		}
		bytes.v[i] ^= 0xff;
		write_image(dir->fd, "pagemap-57.img", &bytes);
		expect_error_or_valid(dir);
		bytes.v[i] ^= 0xff;
	}
}

static void test_inventory(void **state)
{
	const struct test_dir *dir = *state;
	LwpInventory message = LWP_INVENTORY__INIT;
	struct image_inventory inventory;
	struct bytes bytes = { .len = 0 };

	assert_int_equal(image_inventory_load(dir->fd, &inventory, NULL), -ENOENT);
	message.img_version = 2;
	message.has_dump_uptime = true;
	message.dump_uptime = UINT64_C(123456789012345);
	message.has_pre_dump_mode = true;
	message.pre_dump_mode = IMAGE_PRE_DUMP_READ;
	add_number(&bytes, 0x58313116);
	add_message(&bytes, &message.base);
	write_image(dir->fd, "inventory.img", &bytes);
	assert_int_equal(image_inventory_load(dir->fd, &inventory, NULL), 0);
	assert_int_equal(inventory.img_version, 2);
	assert_true(inventory.has_dump_uptime && inventory.has_pre_dump_mode);
	assert_int_equal(inventory.dump_uptime_us, UINT64_C(123456789012345));
	assert_int_equal(inventory.pre_dump_mode, IMAGE_PRE_DUMP_READ);
	for (size_t len = 0; len < bytes.len; len++) {
		write_file(dir->fd, "inventory.img", bytes.v, len);
		assert_int_equal(image_inventory_load(dir->fd, &inventory, NULL), -EBADMSG);
	}
}

static void test_stats(void **state)
{
	const struct test_dir *dir = *state;
	LwpDumpStats dump = LWP_DUMP_STATS__INIT;
	LwpStats message = LWP_STATS__INIT;
	struct image_stats stats;
	struct bytes bytes = { .len = 0 };

	assert_int_equal(image_stats_load(dir->fd, &stats, NULL), -ENOENT);
	dump.freezing_time = 1;
	dump.frozen_time = 2;
	dump.memdump_time = 3;
	dump.memwrite_time = 4;
	dump.pages_scanned = 1000;
	dump.pages_skipped_parent = 200;
	dump.pages_written = 30;
	message.dump = &dump;
	add_number(&bytes, 0x55105940);
	add_number(&bytes, 0x57093306);
	add_message(&bytes, &message.base);
	write_image(dir->fd, "stats-dump", &bytes);
	assert_int_equal(image_stats_load(dir->fd, &stats, NULL), 0);
	assert_int_equal(stats.freezing_time_us, 1);
	assert_int_equal(stats.frozen_time_us, 2);
	assert_int_equal(stats.memdump_time_us, 3);
	assert_int_equal(stats.memwrite_time_us, 4);
	assert_int_equal(stats.pages_scanned, 1000);
	assert_int_equal(stats.pages_skipped_parent, 200);
	assert_int_equal(stats.pages_written, 30);
	for (size_t len = 0; len < bytes.len; len++) {
		write_file(dir->fd, "stats-dump", bytes.v, len);
		assert_int_equal(image_stats_load(dir->fd, &stats, NULL), -EBADMSG);
	}
}

/* Images of the real CRIU, if one is named. */
static int real_dump(const struct test_dir *dir, const char *criu, pid_t child)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "'%s' dump -t %d -D '%s' -o dump.log --leave-running --shell-job >/dev/null 2>&1",
		 criu, child, dir->path);
	return system(command);
}

static void test_real_images(void **state)
{
	const struct test_dir *dir = *state;
	const char *criu = getenv("LAZY_WP_TEST_CRIU");
	struct image_inventory inventory;
	struct image_chain *chain;
	struct image_error error;
	struct image_stats stats;
	int pipe_fds[2], ret;
	pid_t child;
	char byte;

	if (!criu) {
		print_message("not done: LAZY_WP_TEST_CRIU names no criu\n");
		skip();
	}
	/* exec closes the child's end: the dump meets sleep, in its own session. */
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		setsid();
		execlp("sleep", "sleep", "20", (char *)NULL);
		_exit(1);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
	ret = real_dump(dir, criu, child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(ret, 0);
	ret = image_chain_open(dir->fd, (unsigned int)child, &chain, &error);
	if (ret)
		fail_msg("%s", error.text);
	assert_int_equal(image_inventory_load(dir->fd, &inventory, &error), 0);
	assert_int_equal(image_stats_load(dir->fd, &stats, &error), 0);
	assert_int_equal(inventory.img_version, 2);
	assert_int_equal(range_set_bytes(image_chain_cover(chain)), stats.pages_written * page);
	image_chain_close(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, test_dir_setup, test_dir_teardown)
		IN_DIR(test_pagemap_entries),
		IN_DIR(test_pagemap_old_encodings),
		IN_DIR(test_pagemap_unordered),
		IN_DIR(test_pagemap_compressed),
		IN_DIR(test_pagemap_refused),
		IN_DIR(test_pagemap_framing_refused),
		IN_DIR(test_pagemap_pages_cut_off),
		IN_DIR(test_pagemap_missing),
		IN_DIR(test_pagemap_truncated_everywhere),
		IN_DIR(test_pagemap_flipped_everywhere),
		IN_DIR(test_inventory),
		IN_DIR(test_stats),
		IN_DIR(test_real_images),
	};

	page = image_page_size();
	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
