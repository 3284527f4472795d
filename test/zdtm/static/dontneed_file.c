// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "MADV_DONTNEED on copied and untouched pages of a private file mapping";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "dontneed_file.test"

static struct area areas[SHAPES];

/* Four groups of pages: left alone afterwards, read, written, and not thrown away at all. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	size_t group = PAGES / 4;

	if (madvise(area->memory, 3 * group * page_size(), MADV_DONTNEED))
		pr_perror("madvise");
	area_expect(area, 0, 3 * group, 1); /* the file's again */
	area_touch(area, group, group);
	area_fill(area, 2 * group, group, 3);
}

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = file_make(FILE_NAME, PAGES, 1);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			      0),
			 PAGES);
		area_expect(&areas[shape], 0, PAGES, 1);
		for (size_t page = 0; page < PAGES; page += 2) /* copies of every other page */
			area_fill(&areas[shape], page, 1, 2);
	}
	close(fd);
	test_daemon();
	run_shapes(change);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
