// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracker on the real kernel, on our own memory: whatever is written must be found, and what
 * is called clean must be proven. Skipped where asynchronous write-protect is missing.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "track/probe.h"
#include "track/scan.h"
#include "track/uffd.h"
#include "util/cleanup.h"

#define PAGES 16

static uint64_t page_size;

struct area {
	uint8_t *memory;
	size_t pages;
	int uffd, pagemap;
};

static int new_uffd(void)
{
	int uffd = syscall(SYS_userfaultfd, track_uffd_flags());

	assert_true(uffd >= 0);
	assert_int_equal(track_uffd_init(uffd), 0);
	return uffd;
}

static uint64_t address(const struct area *area, size_t page)
{
	return (uintptr_t)area->memory + page * page_size;
}

static void write_byte(const struct area *area, size_t page, uint8_t value)
{
	*(volatile uint8_t *)(area->memory + page * page_size + 5) = value;
}

/* Registered, in small pages, nothing written yet. */
static struct area new_area(size_t pages, int file)
{
	int flags = MAP_PRIVATE | (file < 0 ? MAP_ANONYMOUS : 0);
	struct area area = { .pages = pages,
			     .uffd = new_uffd(),
			     .pagemap = track_pagemap_open(getpid()) };

	assert_true(area.pagemap >= 0);
	area.memory = mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, flags, file, 0);
	assert_ptr_not_equal(area.memory, MAP_FAILED);
	madvise(area.memory, pages * page_size, MADV_NOHUGEPAGE); /* refused where there are none */
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0), address(&area, pages)),
			 0);
	return area;
}

static void free_area(struct area *area)
{
	if (area->memory)
		munmap(area->memory, area->pages * page_size);
	util_close_cleanup(&area->uffd);
	util_close_cleanup(&area->pagemap);
}
#define auto_area __attribute__((cleanup(free_area)))

static void take(const struct area *area, struct range_set *taken)
{
	assert_int_equal(track_take(area->pagemap, address(area, 0), address(area, area->pages),
				    taken),
			 0);
}

/* The next take must find exactly this page. */
static void assert_taken_only(const struct area *area, size_t page)
{
	auto_range_set struct range_set taken = { 0 };

	take(area, &taken);
	assert_int_equal(taken.nr, 1);
	assert_int_equal(taken.v[0].start, address(area, page));
	assert_int_equal(taken.v[0].end, address(area, page + 1));
}

static void assert_takes(const struct area *area, size_t pages)
{
	auto_range_set struct range_set taken = { 0 };

	take(area, &taken);
	assert_int_equal(range_set_bytes(&taken), pages * page_size);
}

static void write_and_arm(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		write_byte(area, i, 1);
	assert_takes(area, area->pages);
	assert_takes(area, 0);
}

static int collect(const struct track_page_region *region, void *arg)
{
	*(uint64_t *)arg |= region->categories;
	return 0;
}

static uint64_t categories_at(int pagemap, uint64_t start)
{
	static const struct track_scan_query query = {
		.return_mask = TRACK_PAGE_IS_WPALLOWED | TRACK_PAGE_IS_WRITTEN |
			       TRACK_PAGE_IS_FILE | TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED |
			       TRACK_PAGE_IS_PFNZERO | TRACK_PAGE_IS_HUGE,
	};
	uint64_t categories = 0;

	assert_int_equal(track_scan(pagemap, start, start + page_size, &query, collect,
				    &categories),
			 0);
	return categories;
}

static bool is_clean(const struct area *area, size_t page, bool in_file)
{
	return track_is_clean(categories_at(area->pagemap, address(area, page)), in_file);
}

/* Page 3 was written, and only it. */
static void assert_written(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		assert_int_equal(is_clean(area, i, false), i != 3);
	assert_taken_only(area, 3);
	assert_true(is_clean(area, 3, false));
	assert_takes(area, 0);
}

static void test_store(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);

	(void)state;
	write_and_arm(&area);
	write_byte(&area, 3, 2);
	assert_int_equal(area.memory[3 * page_size + 5], 2);
	assert_written(&area);
	write_byte(&area, 3, 2); /* the same value again is a write, too */
	assert_written(&area);
}

static void test_reading_is_no_write(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	unsigned int sum = 0;

	(void)state;
	write_and_arm(&area);
	for (size_t i = 0; i < PAGES; i++)
		sum += *(volatile uint8_t *)(area.memory + i * page_size + 5);
	assert_int_equal(sum, PAGES);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(is_clean(&area, i, false));
	assert_takes(&area, 0);
}

static void test_kernel_writes_by_read(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	int ends[2];

	(void)state;
	write_and_arm(&area);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "xyz", 3), 3);
	assert_int_equal(read(ends[0], area.memory + 3 * page_size, 3), 3);
	assert_memory_equal(area.memory + 3 * page_size, "xyz", 3);
	close(ends[0]);
	close(ends[1]);
	assert_written(&area);
}

static void test_process_vm_writev(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	struct iovec local = { .iov_base = "abc", .iov_len = 3 };
	struct iovec remote = { .iov_base = area.memory + 3 * page_size, .iov_len = 3 };

	(void)state;
	write_and_arm(&area);
	assert_int_equal(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), 3);
	assert_memory_equal(area.memory + 3 * page_size, "abc", 3);
	assert_written(&area);
}

static void test_thrown_away_is_not_clean(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);

	(void)state;
	write_and_arm(&area);
	assert_int_equal(madvise(area.memory + 3 * page_size, page_size, MADV_DONTNEED), 0);
	assert_false(is_clean(&area, 3, false));
	assert_int_equal(*(volatile uint8_t *)(area.memory + 3 * page_size + 5),
			 0); /* the zero page */
	assert_false(is_clean(&area, 3, false));
	assert_true(is_clean(&area, 2, false));
	write_byte(&area, 3, 7);
	assert_written(&area);
}

/* The kernel leaves a marker for an armed page of a file mapping; it must not pass for the page. */
static void test_thrown_away_in_file_mapping_is_not_clean(void **state)
{
	auto_close int file = memfd_create("test_track", MFD_CLOEXEC);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, PAGES * page_size), 0);

	auto_area struct area area = new_area(PAGES, file);

	write_byte(&area, 3, 1);
	assert_taken_only(&area, 3);
	assert_true(is_clean(&area, 3, true));
	assert_int_equal(madvise(area.memory + 3 * page_size, page_size, MADV_DONTNEED), 0);
	assert_false(is_clean(&area, 3, true));
	assert_int_equal(*(volatile uint8_t *)(area.memory + 3 * page_size + 5),
			 0); /* the file's page */
	write_byte(&area, 3, 1);
	assert_taken_only(&area, 3);
}

/* 64 MiB with three pages in it: all others stay holes, without markers. */
static void test_untouched_memory_is_not_armed(void **state)
{
	static const struct track_scan_query swapped = { .category_mask = TRACK_PAGE_IS_SWAPPED,
							 .return_mask = TRACK_PAGE_IS_SWAPPED };
	size_t pages = (64 << 20) / page_size;
	auto_area struct area area = new_area(pages, -1);
	uint64_t found = 0;

	(void)state;
	write_byte(&area, 0, 1);
	write_byte(&area, pages / 2, 1);
	write_byte(&area, pages - 1, 1);
	assert_takes(&area, 3);
	assert_int_equal(track_scan(area.pagemap, address(&area, 0), address(&area, pages),
				    &swapped, collect, &found),
			 0);
	assert_int_equal(found, 0);
	assert_false(is_clean(&area, 1, false));
	write_byte(&area, 1, 1);
	assert_taken_only(&area, 1);
}

static void test_one_write_in_a_huge_page(void **state)
{
	size_t huge = 2 << 20, pages = huge / page_size;
	auto_area struct area area = { .pages = pages,
				       .uffd = new_uffd(),
				       .pagemap = track_pagemap_open(getpid()) };
	uint8_t *room = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)room + huge - 1) & ~(huge - 1));

	(void)state;
	assert_ptr_not_equal(room, MAP_FAILED);
	if (aligned > room)
		munmap(room, aligned - room);
	munmap(aligned + huge, room + huge - aligned);
	area.memory = aligned;
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0), address(&area, pages)),
			 0);
	if (madvise(area.memory, huge, MADV_HUGEPAGE))
		skip(); /* a kernel without transparent huge pages */
	memset(area.memory, 1, huge);
	if (!(categories_at(area.pagemap, address(&area, 0)) & TRACK_PAGE_IS_HUGE))
		skip(); /* switched off, or memory too fragmented */
	assert_takes(&area, pages);
	assert_takes(&area, 0);
	write_byte(&area, 77, 2);
	assert_taken_only(&area, 77);
	assert_takes(&area, 0);
}

static void test_moved_mapping_is_not_tracked(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	size_t size = PAGES * page_size;
	void *target = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(target, MAP_FAILED);
	write_and_arm(&area);
	assert_ptr_equal(mremap(area.memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target),
			 target);
	area.memory = target;
	for (size_t i = 0; i < PAGES; i++) {
		assert_int_equal(area.memory[i * page_size + 5], 1);
		assert_false(categories_at(area.pagemap, address(&area, i)) &
			     TRACK_PAGE_IS_WPALLOWED);
		assert_false(is_clean(&area, i, false));
	}
	assert_takes(&area, 0); /* not registered: skipped */
}

static void test_forked_child_is_not_tracked(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	pid_t child;

	(void)state;
	write_and_arm(&area);
	child = fork();
	if (!child)
		for (;;)
			pause();
	assert_true(child > 0);

	auto_close int pagemap = track_pagemap_open(child);
	uint64_t found = 0;

	for (size_t i = 0; pagemap >= 0 && i < PAGES; i++)
		found |= categories_at(pagemap, address(&area, i));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(found & TRACK_PAGE_IS_PRESENT);
	assert_false(found & TRACK_PAGE_IS_WPALLOWED);
	write_byte(&area, 3, 2); /* ours still is, copy-on-write or not */
	assert_written(&area);
}

static void test_closing_drops_everything(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);

	(void)state;
	write_and_arm(&area);
	close(take_fd(&area.uffd));
	for (size_t i = 0; i < PAGES; i++) {
		assert_false(categories_at(area.pagemap, address(&area, i)) &
			     TRACK_PAGE_IS_WPALLOWED);
		assert_false(is_clean(&area, i, false));
	}
	area.uffd = new_uffd(); /* and a new registration does not revive old protection */
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0), address(&area, PAGES)),
			 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_false(is_clean(&area, i, false));
	assert_takes(&area, PAGES);
}

static void test_registering_again(void **state)
{
	auto_area struct area area = new_area(PAGES, -1);
	auto_close int other = new_uffd();

	(void)state;
	write_and_arm(&area);
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0), address(&area, PAGES)),
			 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(is_clean(&area, i, false));
	assert_int_equal(track_uffd_register(other, address(&area, 0), address(&area, 1)), -EBUSY);
	write_byte(&area, 3, 2);
	assert_written(&area);
	assert_int_equal(munmap(area.memory, PAGES * page_size), 0);
	assert_int_equal(track_uffd_register(area.uffd, address(&area, 0), address(&area, PAGES)),
			 -EINVAL);
	area.memory = NULL;
}

/* Many times more regions than the scan's vector holds: none lost, none twice. */
static void test_alternating_pages(void **state)
{
	const size_t written = 10000;
	auto_area struct area area = new_area(2 * written, -1);
	auto_range_set struct range_set taken = { 0 };

	(void)state;
	write_and_arm(&area);
	for (size_t i = 0; i < written; i++)
		write_byte(&area, 2 * i, 2);
	take(&area, &taken);
	assert_int_equal(taken.nr, written);
	for (size_t i = 0; i < written; i++) {
		assert_int_equal(taken.v[i].start, address(&area, 2 * i));
		assert_int_equal(taken.v[i].end, address(&area, 2 * i + 1));
	}
	assert_takes(&area, 0);
}

static int stop_at_second(const struct track_page_region *region, void *arg)
{
	(void)region;
	return ++*(int *)arg == 2 ? -ECANCELED : 0;
}

static void test_visit_can_end_the_scan(void **state)
{
	static const struct track_scan_query query = { .return_mask = TRACK_PAGE_IS_WRITTEN };
	auto_area struct area area = new_area(PAGES, -1);
	int calls = 0;

	(void)state;
	write_and_arm(&area);
	for (size_t i = 0; i < PAGES; i += 2)
		write_byte(&area, i, 2);
	assert_int_equal(track_scan(area.pagemap, address(&area, 0), address(&area, PAGES), &query,
				    stop_at_second, &calls),
			 -ECANCELED);
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_reading_is_no_write),
		cmocka_unit_test(test_kernel_writes_by_read),
		cmocka_unit_test(test_process_vm_writev),
		cmocka_unit_test(test_thrown_away_is_not_clean),
		cmocka_unit_test(test_thrown_away_in_file_mapping_is_not_clean),
		cmocka_unit_test(test_untouched_memory_is_not_armed),
		cmocka_unit_test(test_one_write_in_a_huge_page),
		cmocka_unit_test(test_moved_mapping_is_not_tracked),
		cmocka_unit_test(test_forked_child_is_not_tracked),
		cmocka_unit_test(test_closing_drops_everything),
		cmocka_unit_test(test_registering_again),
		cmocka_unit_test(test_alternating_pages),
		cmocka_unit_test(test_visit_can_end_the_scan),
	};
	struct track_features features;

	page_size = sysconf(_SC_PAGESIZE);
	if (track_probe(&features)) {
		fprintf(stderr, "cannot probe this kernel\n");
		return 1;
	}
	if (!features.uffd_wp_async) {
		printf("SKIP: no asynchronous userfaultfd write-protect: %s\n",
		       strerror(-features.uffd_error));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
