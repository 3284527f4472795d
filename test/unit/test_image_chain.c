// SPDX-License-Identifier: GPL-2.0-only
/* The chain of parent directories, read as restore reads it. */
#include "test/unit/test_image_files.h"

#include <errno.h>

#include "image/chain.h"

#define PRESENT IMAGE_PAGES_PRESENT
#define PARENT  IMAGE_PAGES_IN_PARENT
#define LAZY    IMAGE_PAGES_LAZY

#define PID 57

static uint64_t page;

/*
 * Page       10 11 12 13 14 15 16 17 18
 * level 2    a0 a1 a2 a3  -  -  -  -  -
 * level 1     P b0  P  -  -  P b1  -  -      (15 is missing in level 2)
 * level 0     P  P c0  P  -  P  P  L c1      (13 is missing in level 1)
 */
static void make_three_levels(const struct test_dir *dir)
{
	struct bytes bytes = { .len = 0 };
	int oldest = make_level(dir, "1", NULL), middle = make_level(dir, "2", "../1");
	int newest = make_level(dir, "3", "../2");

	begin_pagemap(&bytes, 1);
	add_entry(&bytes, 10 * page, 4, PRESENT);
	write_image(oldest, "pagemap-57.img", &bytes);
	write_pages(oldest, "pages-1.img", 0xa0, 4);

	begin_pagemap(&bytes, 7);
	add_entry(&bytes, 10 * page, 1, PARENT);
	add_entry(&bytes, 11 * page, 1, PRESENT);
	add_entry(&bytes, 12 * page, 1, PARENT);
	add_entry(&bytes, 15 * page, 1, PARENT);
	add_entry(&bytes, 16 * page, 1, PRESENT);
	write_image(middle, "pagemap-57.img", &bytes);
	write_pages(middle, "pages-7.img", 0xb0, 2);

	begin_pagemap(&bytes, 1);
	add_entry(&bytes, 10 * page, 2, PARENT);
	add_entry(&bytes, 12 * page, 1, PRESENT);
	add_entry(&bytes, 13 * page, 1, PARENT);
	add_entry(&bytes, 15 * page, 2, PARENT);
	add_entry(&bytes, 17 * page, 1, LAZY);
	add_entry(&bytes, 18 * page, 1, PRESENT | LAZY);
	write_image(newest, "pagemap-57.img", &bytes);
	write_pages(newest, "pages-1.img", 0xc0, 2);

	close(oldest);
	close(middle);
	close(newest);
}

static int open_level(const struct test_dir *dir, const char *name)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct image_chain *open_chain(const struct test_dir *dir, const char *name)
{
	struct image_chain *chain = NULL;
	struct image_error error = { "" };
	int fd = open_level(dir, name);
	int ret = image_chain_open(fd, PID, &chain, &error);

	close(fd);
	if (ret)
		fail_msg("%d: %s", ret, error.text);
	return chain;
}

static void test_three_levels(void **state)
{
	static const struct {
		enum image_page_state state;
		uint8_t byte;
	} expected[] = {
		{ IMAGE_PAGE_ABSENT, 0 },     /* 9 */
		{ IMAGE_PAGE_PRESENT, 0xa0 }, /* 10, two levels down */
		{ IMAGE_PAGE_PRESENT, 0xb0 }, { IMAGE_PAGE_PRESENT, 0xc0 },
		{ IMAGE_PAGE_MISSING, 0 },    { IMAGE_PAGE_ABSENT, 0 },
		{ IMAGE_PAGE_MISSING, 0 },    { IMAGE_PAGE_PRESENT, 0xb1 },
		{ IMAGE_PAGE_LAZY, 0 },       { IMAGE_PAGE_PRESENT, 0xc1 },
		{ IMAGE_PAGE_ABSENT, 0 },
	};
	const size_t nr = sizeof(expected) / sizeof(expected[0]);
	enum image_page_state states[sizeof(expected) / sizeof(expected[0])];
	struct image_chain *chain;
	uint8_t *bytes = malloc(nr * page);

	make_three_levels(*state);
	chain = open_chain(*state, "3");
	memset(bytes, 0xee, nr * page);
	assert_int_equal(image_chain_nr_levels(chain), 3);
	assert_int_equal(image_chain_read(chain, 9 * page, nr, bytes, states, NULL), 0);
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(states[i], expected[i].state);
		for (size_t j = 0; j < page; j++)
			if (bytes[i * page + j] != expected[i].byte)
				fail_msg("page %zu byte %zu: %#x", 9 + i, j, bytes[i * page + j]);
	}
	assert_int_equal(image_chain_find(chain, 10 * page, 100).level, 2);
	assert_int_equal(image_chain_find(chain, 11 * page, 100).level, 1);
	assert_int_equal(image_chain_find(chain, 12 * page, 100).nr_pages, 1);
	/* 14 is in no pagemap: the run of absent pages ends at the next entry. */
	assert_int_equal(image_chain_find(chain, 14 * page, 100).nr_pages, 1);
	assert_int_equal(image_chain_find(chain, 19 * page, 100).nr_pages, 100);
	assert_true(range_set_contains(image_chain_cover(chain), 10 * page, 14 * page));
	assert_int_equal(range_set_bytes(image_chain_cover(chain)), 7 * page);
	image_chain_close(chain);
	free(bytes);
}

static void test_middle_as_top(void **state)
{
	enum image_page_state states[2];
	struct image_chain *chain;
	uint8_t *bytes = malloc(2 * page);

	make_three_levels(*state);
	chain = open_chain(*state, "2");
	assert_int_equal(image_chain_read(chain, 12 * page, 2, bytes, states, NULL), 0);
	assert_int_equal(states[0], IMAGE_PAGE_PRESENT);
	assert_int_equal(bytes[0], 0xa2);
	assert_int_equal(states[1], IMAGE_PAGE_ABSENT);
	image_chain_close(chain);
	free(bytes);
}

/* The task is new in level 0's sense: its parent directory exists but does not know it. */
static void test_parent_without_task(void **state)
{
	const struct test_dir *dir = *state;
	struct image_chain *chain;
	int fd;

	make_three_levels(dir);
	fd = open_level(dir, "2");
	assert_int_equal(unlinkat(fd, "pagemap-57.img", 0), 0);
	close(fd);
	chain = open_chain(dir, "3");
	assert_int_equal(image_chain_nr_levels(chain), 1);
	assert_int_equal(image_chain_find(chain, 10 * page, 1).state, IMAGE_PAGE_MISSING);
	image_chain_close(chain);
}

static int try_open(const struct test_dir *dir, const char *name, struct image_error *error)
{
	struct image_chain *chain = NULL;
	int fd = open_level(dir, name);
	int ret = image_chain_open(fd, PID, &chain, error);

	close(fd);
	if (!ret)
		image_chain_close(chain);
	return ret;
}

static void test_compressed_parent(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };
	struct image_chain *chain;
	struct image_error error;
	int middle, newest;

	make_three_levels(dir);
	middle = open_level(dir, "2");
	newest = open_level(dir, "3");
	begin_pagemap(&bytes, 7);
	add_compressed_entry(&bytes, 10 * page, 7, page);
	write_image(middle, "pagemap-57.img", &bytes);
	assert_int_equal(image_chain_open(newest, PID, &chain, &error), -ENOTSUP);
	assert_non_null(strstr(error.text, "parent 1 of the chain: pages-7.img: compressed"));
	close(middle);
	close(newest);
}

static void test_loop(void **state)
{
	const struct test_dir *dir = *state;
	struct image_error error;
	int fd;

	make_three_levels(dir);
	fd = open_level(dir, "2");
	assert_int_equal(unlinkat(fd, "parent", 0), 0);
	assert_int_equal(symlinkat("../3", fd, "parent"), 0);
	close(fd);
	assert_int_equal(try_open(dir, "3", &error), -ELOOP);
	assert_non_null(strstr(error.text, "lead back"));
}

static void test_missing(void **state)
{
	const struct test_dir *dir = *state;
	struct image_error error;

	close(make_level(dir, "empty", NULL));
	assert_int_equal(try_open(dir, "empty", &error), -ENOENT);
	assert_non_null(strstr(error.text, "pagemap-57.img"));
}

static void test_corrupt_parent(void **state)
{
	const struct test_dir *dir = *state;
	struct image_error error;
	int fd;

	make_three_levels(dir);
	fd = open_level(dir, "1");
	write_file(fd, "pagemap-57.img", "not an image", 12);
	close(fd);
	assert_int_equal(try_open(dir, "3", &error), -EBADMSG);
	assert_non_null(strstr(error.text, "parent 2"));
	assert_non_null(strstr(error.text, "magic"));
}

/* A pages file that is cut off under an open chain is an error, not zeros. */
static void test_pages_shrink(void **state)
{
	const struct test_dir *dir = *state;
	enum image_page_state states[1];
	struct image_error error;
	struct image_chain *chain;
	uint8_t *bytes = malloc(page);
	int fd;

	make_three_levels(dir);
	chain = open_chain(dir, "1");
	fd = open_level(dir, "1");
	write_file(fd, "pages-1.img", "x", 1);
	close(fd);
	assert_int_equal(image_chain_read(chain, 11 * page, 1, bytes, states, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "shorter"));
	image_chain_close(chain);
	free(bytes);
}

static int check_parents(const struct test_dir *dir, const char *images, const char *parent)
{
	struct image_error error = { "" };
	int fd = open_level(dir, images), ret = image_chain_check_parents(fd, parent, &error);

	assert_int_equal(!ret, !error.text[0]);
	close(fd);
	return ret;
}

/* Directories that CRIU could not follow, or that would lose what is in them. */
static void test_parents(void **state)
{
	const struct test_dir *dir = *state;

	make_three_levels(dir);
	close(make_level(dir, "new", NULL));
	assert_int_equal(check_parents(dir, "new", NULL), 0);
	assert_int_equal(check_parents(dir, "new", "parent"), 0);
	assert_int_equal(check_parents(dir, "new", "../3"), 0);
	assert_int_equal(check_parents(dir, "3", "parent"), 0);
	assert_int_equal(check_parents(dir, "3", "../3"), -ELOOP);
	assert_int_equal(check_parents(dir, "1", "../3"), -ELOOP);
	assert_int_equal(check_parents(dir, "new", "../none"), 0); /* the caller's to say */
	close(make_level(dir, "self", "../self"));
	assert_int_equal(check_parents(dir, "new", "../self"), -ELOOP);
	assert_int_equal(renameat(dir->fd, "1", dir->fd, "gone"), 0);
	assert_int_equal(check_parents(dir, "new", "../3"), -ENOENT);
	assert_int_equal(check_parents(dir, "new", "../gone"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, test_dir_setup, test_dir_teardown)
		IN_DIR(test_three_levels),
		IN_DIR(test_middle_as_top),
		IN_DIR(test_parent_without_task),
		IN_DIR(test_compressed_parent),
		IN_DIR(test_loop),
		IN_DIR(test_missing),
		IN_DIR(test_corrupt_parent),
		IN_DIR(test_pages_shrink),
		IN_DIR(test_parents),
	};

	page = image_page_size();
	return cmocka_run_group_tests_name("image_chain", tests, NULL, NULL);
}
