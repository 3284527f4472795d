// SPDX-License-Identifier: GPL-2.0-only
/*
 * The quick take on the real kernel, on our own memory: it takes what track_take() would, and what
 * it calls quiet exists and is unwritten, whatever became of pages and page tables meanwhile.
 * Skipped where asynchronous write-protect is missing, or the fast path cannot be relied upon.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "track/probe.h"
#include "track/quick.h"
#include "track/scan.h"
#include "track/uffd.h"
#include "util/cleanup.h"

#define TABLES 4

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* Linux 5.4 */
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

static uint64_t page_size, table_bytes;
static pid_t stopped; /* we, in the second run: nobody else changes our memory */

struct area {
	uint8_t *memory; /* TABLES page tables' worth, aligned to one */
	int uffd, pagemap;
};

static uint64_t address(const struct area *area, uint64_t offset)
{
	return (uintptr_t)area->memory + offset;
}

static uint8_t *map_aligned(void)
{
	uint64_t bytes = (TABLES + 1) * table_bytes;
	uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return (uint8_t *)(((uintptr_t)memory + table_bytes - 1) / table_bytes * table_bytes);
}

/* Every page is in exactly one of the sets. */
static int take_all(const struct area *area, struct range_set *taken, struct range_set *quiet)
{
	auto_range_set struct range_set empty = { 0 }, open = { 0 };
	const struct track_quick found = {
		.taken = taken,
		.quiet = quiet,
		.empty = &empty,
		.open = &open,
		.stopped = stopped,
	};
	int ret = track_take_quickly(area->pagemap, address(area, 0),
				     address(area, TABLES * table_bytes), &found);

	if (!ret)
		assert_int_equal(range_set_bytes(taken) + range_set_bytes(quiet) +
					 range_set_bytes(&empty) + range_set_bytes(&open),
				 TABLES * table_bytes);
	return ret;
}

static void take(const struct area *area, struct range_set *taken, struct range_set *quiet)
{
	assert_int_equal(take_all(area, taken, quiet), 0);
}

/* Written and armed; advice: MADV_HUGEPAGE or MADV_NOHUGEPAGE. */
static struct area new_area(int advice)
{
	struct area area = { .uffd = syscall(SYS_userfaultfd, track_uffd_flags()),
			     .pagemap = track_pagemap_open(getpid()) };
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };

	assert_true(area.uffd >= 0 && area.pagemap >= 0);
	assert_int_equal(track_uffd_init(area.uffd), 0);
	area.memory = map_aligned();
	madvise(area.memory, TABLES * table_bytes, advice);
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0),
					     address(&area, TABLES * table_bytes)),
			 0);
	memset(area.memory, 1, TABLES * table_bytes);
	take(&area, &taken, &quiet);
	assert_int_equal(range_set_bytes(&taken), TABLES * table_bytes);
	assert_int_equal(quiet.nr, 0);
	return area;
}

static void free_area(struct area *area)
{
	if (area->memory)
		munmap(area->memory, TABLES * table_bytes);
	util_close_cleanup(&area->uffd);
	util_close_cleanup(&area->pagemap);
}
#define auto_area __attribute__((cleanup(free_area)))

/* Quiet is everything but [start, end), given as offsets; of that so much is taken. */
static void expect(const struct area *area, uint64_t start, uint64_t end, uint64_t taken_bytes)
{
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };

	take(area, &taken, &quiet);
	assert_int_equal(range_set_bytes(&taken), taken_bytes);
	assert_int_equal(range_set_bytes(&quiet), TABLES * table_bytes - (end - start));
	assert_int_equal(range_set_remove(&quiet, address(area, start), address(area, end)), 0);
	assert_int_equal(range_set_bytes(&quiet), TABLES * table_bytes - (end - start));
}

static void test_nothing_written(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);

	(void)state;
	expect(&area, 0, 0, 0);
}

static void test_written(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	uint64_t at = table_bytes + 7 * page_size;

	(void)state;
	area.memory[at] = 2;
	expect(&area, at, at + page_size, page_size);
	expect(&area, 0, 0, 0);
}

static void test_page_thrown_away(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	uint64_t at = table_bytes + 7 * page_size;

	(void)state;
	assert_int_equal(madvise(area.memory + at, page_size, MADV_DONTNEED), 0);
	expect(&area, at, at + page_size, 0);
}

/* Read again it is the zero page; still no content of its own. */
static void test_zero_page(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);

	(void)state;
	assert_int_equal(madvise(area.memory, page_size, MADV_DONTNEED), 0);
	assert_int_equal(*(volatile uint8_t *)area.memory, 0);
	expect(&area, 0, page_size, 0);
}

/* It must not become one that looks unwritten, however often it is taken. */
static void test_guard(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	auto_range_set struct range_set guards = { 0 };

	(void)state;
	assert_int_equal(madvise(area.memory + page_size, 3 * page_size, MADV_GUARD_INSTALL), 0);
	expect(&area, page_size, 4 * page_size, 0);
	expect(&area, page_size, 4 * page_size, 0);
	assert_int_equal(track_find_guards(area.pagemap, address(&area, 0),
					   address(&area, table_bytes), &guards),
			 0);
	assert_int_equal(guards.nr, 1);
	assert_int_equal(guards.v[0].start, address(&area, page_size));
	assert_int_equal(guards.v[0].end, address(&area, 4 * page_size));
}

static void test_table_thrown_away(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);

	(void)state;
	assert_int_equal(madvise(area.memory + table_bytes, table_bytes, MADV_DONTNEED), 0);
	expect(&area, table_bytes, 2 * table_bytes, 0);
}

/* The page table goes with the huge page, and some kernels report nothing at all of it. */
static void test_huge_page_thrown_away(void **state)
{
	auto_area struct area area = new_area(MADV_HUGEPAGE);

	(void)state;
	assert_int_equal(madvise(area.memory + table_bytes, table_bytes, MADV_DONTNEED), 0);
	expect(&area, table_bytes, 2 * table_bytes, 0);
	area.memory[table_bytes] = 3; /* brings a huge page, or only this one */
	{
		auto_range_set struct range_set taken = { 0 }, quiet = { 0 };

		take(&area, &taken, &quiet);
		assert_true(range_set_contains(&taken, address(&area, table_bytes),
					       address(&area, table_bytes) + page_size));
		assert_int_equal(range_set_bytes(&quiet), (TABLES - 1) * table_bytes);
	}
}

static void test_page_of_a_huge_page(void **state)
{
	auto_area struct area area = new_area(MADV_HUGEPAGE);
	uint64_t at = table_bytes + 9 * page_size;

	(void)state;
	area.memory[at] = 2;
	expect(&area, at, at + page_size, page_size);
}

/* A small page of zeros becomes a zero page then, which is protected. */
static void test_huge_page_split(void **state)
{
	auto_area struct area area = new_area(MADV_HUGEPAGE);
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };

	(void)state;
	memset(area.memory + table_bytes, 0, page_size);
	expect(&area, table_bytes, table_bytes + page_size, page_size);
	madvise(area.memory + table_bytes + 9 * page_size, page_size, MADV_PAGEOUT);
	take(&area, &taken, &quiet);
	assert_int_equal(taken.nr, 0);
}

/* Another mapping in the middle, which nobody registered: nothing may be called quiet. */
static void test_replaced(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };
	uint8_t *at = area.memory + table_bytes + 3 * page_size;

	(void)state;
	assert_ptr_equal(mmap(at, page_size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 at);
	*at = 9;
	assert_int_equal(take_all(&area, &taken, &quiet), -EPERM);
	assert_int_equal(taken.nr, 0);
	assert_int_equal(quiet.nr, 0);
}

/*
 * The beginning of a page table's part is not mapped any more: that proves nothing for the rest,
 * which must be neither quiet nor empty.
 */
static void test_unmapped(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 }, empty = { 0 }, open = { 0 };
	const struct track_quick found = {
		.taken = &taken,
		.quiet = &quiet,
		.empty = &empty,
		.open = &open,
		.stopped = stopped,
	};

	(void)state;
	assert_int_equal(munmap(area.memory + table_bytes, page_size), 0);
	assert_int_equal(track_take_quickly(area.pagemap, address(&area, 0),
					    address(&area, TABLES * table_bytes), &found),
			 0);
	assert_int_equal(taken.nr, 0);
	assert_int_equal(empty.nr, 0);
	assert_true(range_set_contains(&open, address(&area, table_bytes) + page_size,
				       address(&area, 2 * table_bytes)));
	assert_int_equal(range_set_bytes(&quiet), (TABLES - 1) * table_bytes);
}

/* The last descriptor is closed. */
static void test_forgotten(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };

	(void)state;
	util_close_cleanup(&area.uffd);
	area.uffd = -1;
	assert_int_equal(take_all(&area, &taken, &quiet), -EPERM);
	assert_int_equal(quiet.nr, 0);
}

/* Many single pages: more than one vector of regions, more than one coalesced piece. */
static void test_scattered(void **state)
{
	auto_area struct area area = new_area(MADV_NOHUGEPAGE);
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 };
	uint64_t pages = TABLES * table_bytes / page_size, written = 0;

	(void)state;
	for (uint64_t i = 1; i < pages; i += i % 3 ? 2 : 100) {
		area.memory[i * page_size] = 2;
		written++;
	}
	take(&area, &taken, &quiet);
	assert_int_equal(range_set_bytes(&taken), written * page_size);
	assert_int_equal(range_set_bytes(&quiet), (pages - written) * page_size);
}

/* So large that threads share it: each page table has one page, some are written. */
static void test_parts(void **state)
{
	uint64_t tables = 400, bytes = tables * table_bytes, written = 0;
	auto_range_set struct range_set taken = { 0 }, quiet = { 0 }, empty = { 0 }, open = { 0 };
	auto_close int uffd = syscall(SYS_userfaultfd, track_uffd_flags());
	auto_close int pagemap = track_pagemap_open(getpid());
	const struct track_quick found = { &taken, &quiet, &empty, &open, stopped };
	uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t start = (uintptr_t)memory;

	(void)state;
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	assert_int_equal(track_uffd_init(uffd), 0);
	assert_int_equal(track_uffd_register(uffd, start, start + bytes), 0);
	for (uint64_t i = 0; i < tables; i++)
		memory[i * table_bytes] = 1;
	assert_int_equal(track_take(pagemap, start, start + bytes, &taken), 0);
	assert_int_equal(range_set_bytes(&taken), tables * page_size);
	range_set_free(&taken);
	for (uint64_t i = 0; i < tables; i += 1 + i % 3, written++)
		memory[i * table_bytes] = 2;
	assert_int_equal(track_take_quickly(pagemap, start, start + bytes, &found), 0);
	assert_int_equal(range_set_bytes(&taken), written * page_size);
	assert_int_equal(range_set_bytes(&quiet), (tables - written) * page_size);
	/* The last part is another mapping now: nothing of the others is proven either. */
	range_set_free(&taken);
	range_set_free(&quiet);
	range_set_free(&empty);
	range_set_free(&open);
	memory[0] = 3;
	assert_ptr_not_equal(mmap(memory + bytes - table_bytes, table_bytes, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			     MAP_FAILED);
	assert_int_equal(track_take_quickly(pagemap, start, start + bytes, &found), -EPERM);
	assert_true(!quiet.nr && !empty.nr && !open.nr);
	assert_true(range_set_bytes(&taken) <= page_size);
	munmap(memory, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_written),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_page_thrown_away),
		cmocka_unit_test(test_zero_page),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_table_thrown_away),
		cmocka_unit_test(test_huge_page_thrown_away),
		cmocka_unit_test(test_page_of_a_huge_page),
		cmocka_unit_test(test_huge_page_split),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_unmapped),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_parts),
	};
	auto_close int pagemap = track_pagemap_open(getpid());
	struct track_features features;

	page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	table_bytes = page_size / sizeof(uint64_t) * page_size;
	if (track_probe(&features) || !features.uffd_wp_async || !track_quick_is_exact(pagemap)) {
		puts("no asynchronous write-protect here, or a fast path that is not exact");
		return 77;
	}
	for (int i = 0, failed; i < 2; i++) {
		failed = cmocka_run_group_tests_name(i ? "stopped" : "running", tests, NULL, NULL);
		if (failed)
			return failed;
		stopped = getpid();
	}
	return 0;
}
