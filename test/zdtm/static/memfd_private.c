// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "A memfd mapped private, written through its descriptor under the mapping";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static struct area areas[SHAPES];
static int memfds[SHAPES];

static void write_file(int fd, size_t page_nr, uint64_t number)
{
	uint8_t *page = malloc(page_size());

	page_make(page, number);
	if (pwrite(fd, page, page_size(), page_nr * page_size()) != (ssize_t)page_size())
		pr_perror("pwrite");
	free(page);
}

/*
 * Even pages have a copy of their own and do not see the file change, until it is thrown away
 * (every fourth). Odd pages are the file's.
 */
static void change(int shape)
{
	struct area *area = &areas[shape];

	for (size_t page = 0; page < PAGES; page++) {
		write_file(memfds[shape], page, page_number(3, page));
		if (page % 4 == 0 && madvise(area_page(area, page), page_size(), MADV_DONTNEED))
			pr_perror("madvise");
		if (page % 4 != 2)
			area_expect(area, page, 1, 3);
		if (page % 8 < 4)
			area_touch(area, page, 1);
	}
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		int fd = memfds[shape] = memfd_create("memfd_private", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, PAGES * page_size()))
			pr_perror("memfd_create");
		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			      0),
			 PAGES);
		for (size_t page = 0; page < PAGES; page++)
			write_file(fd, page, page_number(1, page));
		area_expect(&areas[shape], 0, PAGES, 1);
		for (size_t page = 0; page < PAGES; page += 2)
			area_fill(&areas[shape], page, 1, 2);
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
