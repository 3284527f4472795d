// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "A truncated and extended file takes the copies of a private mapping away";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static const char *const file_names[SHAPES] = { "truncate_below_mapping.test",
						"truncate_below_mapping.test2" };
static struct area areas[SHAPES];

/* The first quarter of the file is left; of the rest one part is left alone, read, and written. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	size_t group = PAGES / 4;

	if (truncate(file_names[shape], (off_t)(group * page_size())) ||
	    truncate(file_names[shape], (off_t)(PAGES * page_size())))
		pr_perror("truncate");
	area_expect(area, group, 3 * group, 0);
	area_touch(area, 2 * group, group);
	area_fill(area, 3 * group, group, 3);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		int fd = file_make(file_names[shape], PAGES, 1);

		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			      0),
			 PAGES);
		close(fd);
		area_expect(&areas[shape], 0, PAGES, 1);
		for (size_t page = 0; page < PAGES; page += 2)
			area_fill(&areas[shape], page, 1, 2);
	}
	test_daemon();
	run_shapes(change);
	unlink(file_names[0]);
	unlink(file_names[1]);
	return areas_verdict(areas);
}
