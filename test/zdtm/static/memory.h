/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memory tests share: areas of pages with known contents. Each page holds words made
 * from its number (0: all zero), and the number that each page must have is kept apart. A test
 * has two areas and changes one after each pre-dump: the first change is seen by the next
 * pre-dump, the second only by the dump. Written on zdtmtst.h alone.
 */
#ifndef ZDTM_MEMORY_H
#define ZDTM_MEMORY_H

#include <fcntl.h>
#include <sys/mman.h>

#include "zdtmtst.h"

#define SHAPES         2 /* changed before the next pre-dump, changed after the last one */
#define AREA_PAGES_MAX 2048

struct area {
	uint8_t *memory;
	size_t pages;
	uint64_t expected[AREA_PAGES_MAX]; /* the number of each page */
};

static inline size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static inline uint64_t page_word(uint64_t number, size_t word)
{
	uint64_t mixed = (number << 20 | word) * 0x9e3779b97f4a7c15ULL;

	return number ? mixed ^ (mixed >> 29) : 0;
}

/* Page numbers of a generation differ from page to page and from every other generation's. */
static inline uint64_t page_number(unsigned int generation, size_t page)
{
	return (uint64_t)generation << 24 | (page + 1);
}

static inline void page_make(void *memory, uint64_t number)
{
	volatile uint64_t *words = memory;

	for (size_t word = 0; word < page_size() / sizeof(*words); word++)
		words[word] = page_word(number, word);
}

static inline uint8_t *area_page(const struct area *area, size_t page)
{
	return area->memory + page * page_size();
}

/* Takes a mapping whose pages are all zero. */
static inline void area_use(struct area *area, void *memory, size_t pages)
{
	if (memory == MAP_FAILED || pages > AREA_PAGES_MAX) {
		pr_perror("mapping %zu pages", pages);
		exit(1);
	}
	area->memory = memory;
	area->pages = pages;
	memset(area->expected, 0, sizeof(area->expected));
}

static inline void area_map(struct area *area, size_t pages)
{
	area_use(area,
		 mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		 pages);
}

static inline void area_expect(struct area *area, size_t first, size_t pages,
			       unsigned int generation)
{
	for (size_t page = first; page < first + pages; page++) {
		area->expected[page] = generation ? page_number(generation, page) : 0;
	}
}

/* Writes pages by ordinary stores. Generation 0 writes zeros. */
static inline void area_fill(struct area *area, size_t first, size_t pages, unsigned int generation)
{
	area_expect(area, first, pages, generation);
	for (size_t page = first; page < first + pages; page++)
		page_make(area_page(area, page), area->expected[page]);
}

/* Reads one byte of each page. */
static inline void area_touch(const struct area *area, size_t first, size_t pages)
{
	for (size_t page = first; page < first + pages; page++)
		(void)*(volatile uint8_t *)area_page(area, page);
}

/* The first word of a page that is not as the number says, or -1. */
static inline ssize_t page_fault(const uint64_t *words, uint64_t number)
{
	for (size_t word = 0; word < page_size() / sizeof(*words); word++)
		if (words[word] != page_word(number, word))
			return (ssize_t)word;
	return -1;
}

/* 0, or 1 with a message that begins with FAIL. */
static inline int page_check(const struct area *area, size_t page, const char *name)
{
	const uint64_t *words = (const void *)area_page(area, page);
	ssize_t word = page_fault(words, area->expected[page]);

	if (word < 0)
		return 0;
	return fail("%s: page %zu word %zd: %#llx, not %#llx", name, page, word,
		    (unsigned long long)words[word],
		    (unsigned long long)page_word(area->expected[page], (size_t)word));
}

static inline int area_check(const struct area *area, const char *name)
{
	int wrong = 0;

	for (size_t page = 0; !wrong && page < area->pages; page++)
		wrong = page_check(area, page, name);
	return wrong;
}

/* Makes a file in the current directory whose pages have the numbers of a generation. */
static inline int file_make(const char *name, size_t pages, unsigned int generation)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	uint8_t *page = malloc(page_size());

	for (size_t i = 0; fd >= 0 && page && i < pages; i++) {
		page_make(page, page_number(generation, i));
		if (write(fd, page, page_size()) != (ssize_t)page_size())
			break;
	}
	free(page);
	if (fd < 0 || lseek(fd, 0, SEEK_CUR) != (off_t)(pages * page_size())) {
		pr_perror("making %s", name);
		exit(1);
	}
	return fd;
}

/* Calls change(0), change(1) after the first two pre-dumps; returns when SIGTERM came. */
static inline void run_shapes(void (*change)(int shape))
{
	for (int shape = 0; !test_wait_pre_dump(); shape++) {
		if (shape < SHAPES)
			change(shape);
		if (test_wait_pre_dump_ack())
			break;
	}
	test_waitsig();
}

/* Checks the area of each shape; pass() if all is well. Returns main()'s result. */
static inline int areas_verdict(const struct area areas[SHAPES])
{
	if (area_check(&areas[0], "changed before the next pre-dump") ||
	    area_check(&areas[1], "changed after the last pre-dump"))
		return 1;
	pass();
	return 0;
}

#endif
