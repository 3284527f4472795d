// SPDX-License-Identifier: GPL-2.0-only
#include "huge.h"

const char *test_doc = "One small page written in each of 64 huge pages: 64 pages in the increment";
const char *test_author = "criu-lazy-wp";

#define HUGE_NR 64

static uint8_t *memory[SHAPES];

static size_t chosen(size_t huge)
{
	return huge * 8 % HUGE_PAGES;
}

/* Only the first word of each page is not zero. */
static volatile uint64_t *first_word(int shape, size_t page)
{
	return (volatile uint64_t *)(memory[shape] + page * page_size());
}

static void write_all(int shape)
{
	for (size_t page = 0; page < HUGE_NR * HUGE_PAGES; page++)
		*first_word(shape, page) = page_number(1, page);
}

static void change(int shape)
{
	huge_require(memory[shape], HUGE_NR);
	for (size_t huge = 0; huge < HUGE_NR; huge++) {
		size_t page = huge * HUGE_PAGES + chosen(huge);

		*first_word(shape, page) = page_number(2, page);
	}
}

static int check(int shape)
{
	for (size_t page = 0; page < HUGE_NR * HUGE_PAGES; page++) {
		bool changed = page % HUGE_PAGES == chosen(page / HUGE_PAGES);
		volatile uint64_t *words = first_word(shape, page);

		if (words[0] != page_number(changed ? 2 : 1, page))
			return fail("shape %d: page %zu: %#llx", shape, page,
				    (unsigned long long)words[0]);
		for (size_t word = 1; word < page_size() / sizeof(*words); word++)
			if (words[word])
				return fail("shape %d: page %zu word %zu", shape, page, word);
	}
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		memory[shape] = huge_map(HUGE_NR);
		write_all(shape);
		huge_require(memory[shape], HUGE_NR);
	}
	test_daemon();
	run_shapes(change);
	if (check(0) || check(1))
		return 1;
	pass();
	return 0;
}
