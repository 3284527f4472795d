// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "The file below a private mapping is written: only pages not copied show it";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "write_below_mapping.test"

static struct area areas[SHAPES]; /* one after the other in the file */
static int fd;

/* Read ahead, and half of it mapped, before it is written. Every other page is a copy. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	uint8_t *page = malloc(page_size());

	if (madvise(area->memory, PAGES * page_size(), MADV_WILLNEED))
		pr_perror("madvise");
	area_touch(area, 0, PAGES / 2);
	for (size_t i = 0; page && i < PAGES; i++) {
		page_make(page, page_number(3, i));
		if (pwrite(fd, page, page_size(), (off_t)((shape * PAGES + i) * page_size())) < 0)
			pr_perror("writing page %zu", i);
		if (i % 2)
			area_expect(area, i, 1, 3);
	}
	free(page);
	area_fill(area, PAGES - PAGES / 8, PAGES / 8, 4); /* the mapping's own again */
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fd = file_make(FILE_NAME, SHAPES * PAGES, 1);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			      (off_t)(shape * PAGES * page_size())),
			 PAGES);
		for (size_t page = 0; page < PAGES; page += 2) {
			area_fill(&areas[shape], page, 1, 2);
			areas[shape].expected[page + 1] =
				page_number(1, (size_t)shape * PAGES + page + 1);
		}
	}
	test_daemon();
	run_shapes(change);
	close(fd);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
