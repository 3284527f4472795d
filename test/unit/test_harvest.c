// SPDX-License-Identifier: GPL-2.0-only
/* Plan and copying of a live pre-dump, and the images that come of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "harvest/pipe.h"
#include "image/chain.h"
#include "util/cleanup.h"

#define PAGES 1500 /* more than one chunk */

static size_t page;
static int dir;
static char dir_name[] = "/tmp/lazy-wp-harvest.XXXXXX";

static uint8_t *map(size_t nr_pages)
{
	uint8_t *memory = mmap(NULL, nr_pages * page, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	for (size_t i = 0; i < nr_pages; i++)
		memset(memory + i * page, (int)(i % 255 + 1), page);
	return memory;
}

static void add(struct range_set *set, const uint8_t *memory, size_t first, size_t nr_pages)
{
	uint64_t start = (uintptr_t)memory + first * page;

	assert_int_equal(range_set_add(set, start, start + nr_pages * page), 0);
}

/* Harvests this very process into the directory, as pid 1 of the images. */
static int harvest(const struct range_set *copy, const struct range_set *in_parent,
		   unsigned int jobs, struct image_pages *ret_counts)
{
	auto_image_pages struct image_pages pages = { 0 };
	struct harvest_pace pace = { 0 };
	struct harvest_source source;
	struct harvest_plan plan;
	int ret;

	assert_int_equal(harvest_source_open(getpid(), &source), 0);
	assert_int_equal(image_pages_open(&pages, dir, 1, 1), 0);
	harvest_plan_begin(&plan, copy, in_parent);
	ret = harvest_pipe_run(&source, &plan, &pages, jobs, &pace);
	*ret_counts = pages;
	if (!ret)
		ret = image_pages_commit(&pages);
	harvest_source_close(&source);
	return ret;
}

/* The state of a page in the images; a present one must have the memory's bytes. */
static enum image_page_state state_of(struct image_chain *chain, const uint8_t *address)
{
	uint8_t *bytes = malloc(page);
	enum image_page_state state;
	struct image_error error;

	assert_int_equal(image_chain_read(chain, (uintptr_t)address, 1, bytes, &state, &error), 0);
	if (state == IMAGE_PAGE_PRESENT)
		assert_memory_equal(bytes, address, page);
	free(bytes);
	return state;
}

static struct image_chain *open_chain(void)
{
	struct image_error error = { "" };
	struct image_chain *chain = NULL;

	if (image_chain_open(dir, 1, &chain, &error))
		fail_msg("%s", error.text);
	return chain;
}

static void copies_with(unsigned int jobs)
{
	uint8_t *memory = map(PAGES);
	auto_range_set struct range_set copy = { 0 }, in_parent = { 0 };
	struct image_pages counts;
	struct image_chain *chain;

	/* Alternating with pages of the parent, then a long piece, and something left out. */
	for (size_t i = 0; i < 600; i += 3) {
		add(&copy, memory, i, 1);
		add(&in_parent, memory, i + 1, 1);
	}
	add(&copy, memory, 700, 800);
	assert_int_equal(harvest(&copy, &in_parent, jobs, &counts), 0);
	assert_int_equal(counts.nr_present, 1000);
	assert_int_equal(counts.nr_in_parent, 200);
	chain = open_chain();
	for (size_t i = 0; i < 600; i += 3) {
		assert_int_equal(state_of(chain, memory + i * page), IMAGE_PAGE_PRESENT);
		assert_int_equal(state_of(chain, memory + (i + 1) * page), IMAGE_PAGE_MISSING);
		assert_int_equal(state_of(chain, memory + (i + 2) * page), IMAGE_PAGE_ABSENT);
	}
	for (size_t i = 700; i < PAGES; i++)
		assert_int_equal(state_of(chain, memory + i * page), IMAGE_PAGE_PRESENT);
	image_chain_close(chain);
	munmap(memory, PAGES * page);
}

static void test_copies(void **state)
{
	(void)state;
	copies_with(1);
	copies_with(4);
}

/* Kernels may be made so that only a tracer has this right (CONFIG_PROC_MEM_FORCE_PTRACE). */
static bool may_read_unreadable(const uint8_t *address)
{
	auto_close int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	uint8_t byte;

	return pread(fd, &byte, 1, (off_t)(uintptr_t)address) == 1;
}

/*
 * What is unmapped meanwhile is not in the images; what is only unreadable to its owner is, where
 * the kernel lets us read it.
 */
static void test_unreadable(void **state)
{
	uint8_t *memory = map(8);
	bool forced;
	auto_range_set struct range_set copy = { 0 }, in_parent = { 0 };
	struct image_pages counts;
	struct image_chain *chain;

	(void)state;
	add(&copy, memory, 0, 8);
	munmap(memory + 2 * page, page);
	munmap(memory + 7 * page, page);
	mprotect(memory + 4 * page, 2 * page, PROT_NONE);
	forced = may_read_unreadable(memory + 4 * page);
	assert_int_equal(harvest(&copy, &in_parent, 1, &counts), 0);
	assert_int_equal(counts.nr_present, forced ? 6 : 4);
	mprotect(memory + 4 * page, 2 * page, PROT_READ);
	chain = open_chain();
	for (size_t i = 0; i < 8; i++) {
		bool absent = i == 2 || i == 7 || (!forced && (i == 4 || i == 5));

		assert_int_equal(state_of(chain, memory + i * page),
				 absent ? IMAGE_PAGE_ABSENT : IMAGE_PAGE_PRESENT);
	}
	image_chain_close(chain);
	munmap(memory, 8 * page);
}

static void test_nothing(void **state)
{
	struct range_set none = { 0 };
	struct image_pages counts;
	struct image_chain *chain;

	(void)state;
	assert_int_equal(harvest(&none, &none, 2, &counts), 0);
	chain = open_chain();
	assert_int_equal(image_chain_cover(chain)->nr, 0);
	image_chain_close(chain);
}

/* /dev/full in the place of the pages file: the error comes back, and no thread is left. */
static void test_disk_full(void **state)
{
	uint8_t *memory = map(PAGES);
	auto_range_set struct range_set copy = { 0 }, in_parent = { 0 };
	auto_image_pages struct image_pages pages = { 0 };
	struct harvest_pace pace = { 0 };
	struct harvest_source source;
	struct harvest_plan plan;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	add(&copy, memory, 0, PAGES);
	assert_int_equal(harvest_source_open(getpid(), &source), 0);
	assert_int_equal(image_pages_open(&pages, dir, 1, 1), 0);
	dup2(full, pages.fd);
	close(full);
	harvest_plan_begin(&plan, &copy, &in_parent);
	assert_int_equal(harvest_pipe_run(&source, &plan, &pages, 3, &pace), -ENOSPC);
	harvest_source_close(&source);
	munmap(memory, PAGES * page);
}

static void test_order(void **state)
{
	auto_image_pages struct image_pages pages = { 0 };
	uint8_t *bytes = calloc(2, page);

	(void)state;
	assert_int_equal(image_pages_open(&pages, dir, 1, 1), 0);
	assert_int_equal(image_pages_add(&pages, 10 * page, 2, bytes), 0);
	assert_int_equal(image_pages_add_in_parent(&pages, 11 * page, 1), -EINVAL);
	assert_int_equal(image_pages_add(&pages, 12 * page, 1, bytes), 0);
	assert_int_equal(pages.nr, 1); /* adjacent: one entry */
	free(bytes);
}

static int set_up(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	if (!mkdtemp(dir_name))
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlinkat(dir, "pagemap-1.img", 0);
	unlinkat(dir, "pages-1.img", 0);
	close(dir);
	return rmdir(dir_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),  cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
