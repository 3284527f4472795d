/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For test_verify.c: a child that waits for commands, and images of it, made page by page by
 * other means than verify reads it with.
 */
#ifndef LAZY_WP_TEST_VERIFY_CHILD_H
#define LAZY_WP_TEST_VERIFY_CHILD_H

#include "test/unit/test_image_files.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "image/inventory.h"
#include "track/uffd.h"
#include "util/process.h"

#define AREA_PAGES 16
#define MEMORY     (UINT64_C(1) << 63 | UINT64_C(1) << 62) /* pagemap: present or swapped */
#define FILE_PAGE  (UINT64_C(1) << 61)

static uint64_t page_bytes; /* of this machine; the test sets it */

/* At the same addresses in the child, which inherits the mappings and fills them. */
struct areas {
	uint8_t *plain;      /* pages 0-7 written, 8-11 only read, the rest untouched */
	uint8_t *unreadable; /* all written, then PROT_NONE */
	uint8_t *file; /* of the test's file; page 1 changed, page 2 copied but as in the file */
	uint8_t *shared;
};

struct fixture {
	struct test_dir *dir;
	struct areas areas;
	struct process_info task;
	int command, answer; /* pipes */
	int memory;          /* /proc/PID/mem, writable */
	uint32_t flags_of_unreadable;
	struct bytes pagemap;
	uint8_t *pages;
	size_t nr_pages;
	uint64_t run_start, run_pages;
	uint32_t run_flags;
};

static inline void child_fill(const struct areas *areas)
{
	for (uint64_t i = 0; i < 8; i++)
		memset(areas->plain + i * page_bytes, 0x10 + (int)i, page_bytes);
	for (uint64_t i = 8; i < 12; i++)
		*(volatile uint8_t *)(areas->plain + i * page_bytes);
	memset(areas->unreadable, 0x33, AREA_PAGES * page_bytes);
	mprotect(areas->unreadable, AREA_PAGES * page_bytes, PROT_NONE);
	areas->file[page_bytes + 3] = '!';
	*(volatile uint8_t *)(areas->file + 2 * page_bytes) = areas->file[2 * page_bytes];
	areas->shared[0] = 1;
}

/* Registers the plain and the file area; every page counts as written until it is armed. */
static inline char child_register(const struct areas *areas)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | track_uffd_flags());

	if (uffd < 0 || track_uffd_init(uffd))
		return 'n';
	if (track_uffd_register(uffd, (uintptr_t)areas->plain,
				(uintptr_t)areas->plain + AREA_PAGES * page_bytes) ||
	    track_uffd_register(uffd, (uintptr_t)areas->file,
				(uintptr_t)areas->file + AREA_PAGES * page_bytes))
		return 'n';
	return 'y';
}

static inline void child_main(const struct areas *areas, int command, int answer)
{
	char byte = 'y';

	child_fill(areas);
	do {
		if (byte == 'r')
			byte = child_register(areas);
		else if (byte == 'd') /* throw pages 1 and 2 away, and see the file's again */
			byte = !madvise(areas->file + page_bytes, 2 * page_bytes, MADV_DONTNEED) ?
				       'y' :
				       'n';
		if (write(answer, &byte, 1) != 1)
			_exit(1);
	} while (read(command, &byte, 1) == 1);
	_exit(0);
}

/*
 * Gets the child's answer and waits until it sleeps in read() again: no sooner does its stack
 * hold still. There is nothing to wait on for that but its state.
 */
static inline char ask(struct fixture *fixture, pid_t child, char command)
{
	if (command)
		assert_int_equal(write(fixture->command, &command, 1), 1);
	assert_int_equal(read(fixture->answer, &command, 1), 1);
	do {
		sched_yield();
		assert_int_equal(process_read(child, &fixture->task), 0);
	} while (fixture->task.state != 'S');
	return command;
}

static inline void make_areas(struct fixture *fixture)
{
	struct areas *areas = &fixture->areas;
	size_t len = AREA_PAGES * page_bytes;
	int fd;

	write_pages(fixture->dir->fd, "mapped", 'a', AREA_PAGES);
	fd = openat(fixture->dir->fd, "mapped", O_RDWR | O_CLOEXEC);
	areas->plain = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	areas->unreadable = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				 0);
	areas->file = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	areas->shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(areas->plain != MAP_FAILED && areas->unreadable != MAP_FAILED);
	assert_true(areas->file != MAP_FAILED && areas->shared != MAP_FAILED);
	close(fd);
}

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int command[2], answer[2];
	char path[64];
	pid_t child;

	test_dir_setup(state);
	fixture->dir = *state;
	*state = fixture;
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* pages of 4 KiB in plain sight */
	make_areas(fixture);
	assert_int_equal(pipe2(command, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		close(command[1]);
		child_main(&fixture->areas, command[0], answer[1]);
	}
	close(command[0]);
	close(answer[1]);
	fixture->command = command[1];
	fixture->answer = answer[0];
	assert_int_equal(ask(fixture, child, 0), 'y');
	/* As verify does it: some kernels let nobody else read what the child itself cannot. */
	assert_int_equal(ptrace(PTRACE_SEIZE, child, 0, 0), 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	fixture->memory = open(path, O_RDWR | O_CLOEXEC);
	return fixture->memory < 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	size_t len = AREA_PAGES * page_bytes;

	close(fixture->command); /* the child reads the end and goes */
	close(fixture->answer);
	close(fixture->memory);
	waitpid(fixture->task.pid, NULL, 0);
	munmap(fixture->areas.plain, len);
	munmap(fixture->areas.unreadable, len);
	munmap(fixture->areas.file, len);
	munmap(fixture->areas.shared, len);
	*state = fixture->dir;
	test_dir_teardown(state);
	free(fixture->pages);
	free(fixture);
	return 0;
}

/* Writes the run of pages that has been collected, and begins another. */
static inline void end_run(struct fixture *fixture)
{
	if (fixture->run_pages)
		add_entry(&fixture->pagemap, fixture->run_start, fixture->run_pages,
			  fixture->run_flags);
	fixture->run_pages = 0;
}

static inline void dump_page(struct fixture *fixture, uint64_t address, uint32_t flags)
{
	uint8_t *pages;

	if (fixture->run_start + fixture->run_pages * page_bytes != address ||
	    fixture->run_flags != flags)
		end_run(fixture);
	if (!fixture->run_pages)
		fixture->run_start = address;
	fixture->run_flags = flags;
	fixture->run_pages++;
	if (flags != IMAGE_PAGES_PRESENT)
		return;
	pages = realloc(fixture->pages, (fixture->nr_pages + 1) * page_bytes);
	assert_non_null(pages);
	fixture->pages = pages;
	pages += fixture->nr_pages++ * page_bytes;
	assert_int_equal(pread(fixture->memory, pages, page_bytes, (off_t)address), page_bytes);
}

/* Zero pages are left out, as CRIU does; here it is known which they are. */
static inline bool is_to_be_dumped(const struct fixture *fixture, uint64_t address, uint64_t entry)
{
	uint64_t plain = (uintptr_t)fixture->areas.plain;

	if (address >= plain + 8 * page_bytes && address < plain + 12 * page_bytes)
		return false;
	return (entry & MEMORY) && !(entry & FILE_PAGE);
}

static inline void dump_mapping(struct fixture *fixture, uint64_t start, uint64_t end, int pagemap)
{
	bool unreadable = start == (uintptr_t)fixture->areas.unreadable;
	uint32_t flags = unreadable && fixture->flags_of_unreadable ? fixture->flags_of_unreadable :
								      IMAGE_PAGES_PRESENT;

	for (uint64_t at = start; at < end; at += page_bytes) {
		off_t offset = (off_t)(at / page_bytes * sizeof(uint64_t));
		uint64_t entry;

		assert_int_equal(pread(pagemap, &entry, sizeof(entry), offset), sizeof(entry));
		if (is_to_be_dumped(fixture, at, entry))
			dump_page(fixture, at, flags);
	}
}

static inline void write_inventory(const struct fixture *fixture, uint32_t pre_dump_mode)
{
	LwpInventory inventory = LWP_INVENTORY__INIT;
	struct bytes bytes = { .len = 0 };

	inventory.img_version = 2;
	inventory.has_pre_dump_mode = true;
	inventory.pre_dump_mode = pre_dump_mode;
	add_number(&bytes, 0x58313116);
	add_message(&bytes, &inventory.base);
	write_image(fixture->dir->fd, "inventory.img", &bytes);
}

/* Everything that a dump has of the child's memory. */
static inline void dump(struct fixture *fixture)
{
	char path[64], line[1024], perms[5];
	unsigned long long start, end;
	FILE *maps;
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", fixture->task.pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", fixture->task.pid);
	maps = fopen(path, "re");
	assert_true(pagemap >= 0 && maps);
	fixture->nr_pages = 0;
	begin_pagemap(&fixture->pagemap, 1);
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%llx-%llx %4s", &start, &end, perms), 3);
		if (perms[3] == 'p' && !strstr(line, "[vvar") && !strstr(line, "[vsyscall]"))
			dump_mapping(fixture, start, end, pagemap);
	}
	end_run(fixture);
	fclose(maps);
	close(pagemap);
	snprintf(path, sizeof(path), "pagemap-%u.img", fixture->task.innermost_pid);
	write_image(fixture->dir->fd, path, &fixture->pagemap);
	write_file(fixture->dir->fd, "pages-1.img", fixture->pages, fixture->nr_pages * page_bytes);
	write_inventory(fixture, IMAGE_PRE_DUMP_SPLICE);
}

static inline void poke(const struct fixture *fixture, const uint8_t *at, uint8_t byte)
{
	assert_int_equal(pwrite(fixture->memory, &byte, 1, (off_t)(uintptr_t)at), 1);
}

#endif
