/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Self-checking memory for the dumpee programs. An arena is private anonymous memory whose every
 * page holds words computed from (seed, page index, version), and a checksum of them. The
 * versions live in a table in memory of their own, and the number of all rewrites in a variable
 * of the program, so a page, a part of the table or the variable that goes back in time, alone
 * or two of them together, is found. Each rewrite first verifies what it replaces.
 * An arena belongs to the one thread that rewrites it; it may only be verified while that thread
 * does not rewrite.
 */
#ifndef LAZY_WP_TEST_PAGE_H
#define LAZY_WP_TEST_PAGE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / 8 - 4)

struct page {
	uint64_t index;
	uint64_t version;
	uint64_t checksum; /* XOR of words[] */
	uint64_t seed;
	uint64_t words[PAGE_WORDS];
};

struct arena {
	struct page *pages;
	uint32_t *versions; /* per page, starting at 1 */
	uint64_t nr_pages;
	uint64_t rewrites; /* must equal the sum of (version - 1) */
	uint64_t seed;
	uint64_t random_state;
};

/* splitmix64: one step of the state, one well-mixed word. */
static inline uint64_t page_random(uint64_t *state)
{
	uint64_t word = (*state += 0x9e3779b97f4a7c15ULL);

	word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
	word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
	return word ^ (word >> 31);
}

static inline uint64_t page_start_state(uint64_t seed, uint64_t index, uint64_t version)
{
	uint64_t state = seed ^ (index << 32) ^ version;

	return page_random(&state);
}

static inline void page_write(struct page *page, uint64_t seed, uint64_t index, uint64_t version)
{
	uint64_t state = page_start_state(seed, index, version), checksum = 0;

	page->seed = seed;
	page->index = index;
	page->version = version;
	for (int i = 0; i < PAGE_WORDS; i++) {
		page->words[i] = page_random(&state);
		checksum ^= page->words[i];
	}
	page->checksum = checksum;
}

/* Describes the first difference in ret_text and returns false, or returns true. */
static inline bool page_verify(const struct page *page, uint64_t seed, uint64_t index,
			       uint64_t version, char *ret_text, size_t len_bytes)
{
	uint64_t state = page_start_state(seed, index, version), checksum = 0;
	int word = 0;

	for (; word < PAGE_WORDS; word++) {
		if (page->words[word] != page_random(&state))
			break;
		checksum ^= page->words[word];
	}
	if (word == PAGE_WORDS && page->seed == seed && page->index == index &&
	    page->version == version && page->checksum == checksum)
		return true;
	snprintf(
		ret_text, len_bytes,
		"BAD page %llu addr %p word %d: expected version %llu, found index %llu version %llu",
		(unsigned long long)index, (const void *)page, word, (unsigned long long)version,
		(unsigned long long)page->index, (unsigned long long)page->version);
	return false;
}

static inline void *page_map(size_t len_bytes)
{
	void *memory = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* Maps and fills a new arena; advice (MADV_*, or -1 for none) is given before the first write. */
static inline void arena_create(struct arena *arena, uint64_t nr_pages, uint64_t seed, int advice)
{
	arena->nr_pages = nr_pages;
	arena->seed = seed;
	arena->random_state = ~seed;
	arena->rewrites = 0;
	arena->pages = page_map(nr_pages * PAGE_BYTES);
	arena->versions = page_map(nr_pages * sizeof(*arena->versions));
	if (advice >= 0 && madvise(arena->pages, nr_pages * PAGE_BYTES, advice))
		perror("madvise");
	for (uint64_t i = 0; i < nr_pages; i++) {
		arena->versions[i] = 1;
		page_write(&arena->pages[i], seed, i, 1);
	}
}

static inline bool arena_verify_page(const struct arena *arena, uint64_t index, char *ret_text,
				     size_t len_bytes)
{
	return page_verify(&arena->pages[index], arena->seed, index, arena->versions[index],
			   ret_text, len_bytes);
}

static inline bool arena_rewrite(struct arena *arena, uint64_t index, char *ret_text,
				 size_t len_bytes)
{
	if (!arena_verify_page(arena, index, ret_text, len_bytes))
		return false;
	page_write(&arena->pages[index], arena->seed, index, ++arena->versions[index]);
	arena->rewrites++;
	return true;
}

static inline bool arena_verify(const struct arena *arena, char *ret_text, size_t len_bytes)
{
	uint64_t rewrites = 0;

	for (uint64_t i = 0; i < arena->nr_pages; i++) {
		if (!arena_verify_page(arena, i, ret_text, len_bytes))
			return false;
		rewrites += arena->versions[i] - 1;
	}
	if (rewrites == arena->rewrites)
		return true;
	snprintf(ret_text, len_bytes, "BAD versions: %llu rewrites expected, %llu found",
		 (unsigned long long)arena->rewrites, (unsigned long long)rewrites);
	return false;
}

/*
 * Appends one line with a single write(). The file is opened by its path each time: no descriptor
 * of it is open when the program is dumped.
 */
static inline void status_append(const char *path, const char *line)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s\n", line);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd))
		_exit(2);
	close(fd);
}

#endif
