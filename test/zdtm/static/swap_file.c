// SPDX-License-Identifier: GPL-2.0-only
#include "swap.h"

const char *test_doc =
	"Copied pages of a private file mapping swapped out: left, written, thrown away";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define GROUP     (PAGES / 4)
#define FILE_NAME "swap_file.test"

static struct area areas[SHAPES];

/* Groups: left in the swap, read in, written, thrown away: the file's again. */
static void change(int shape)
{
	struct area *area = &areas[shape];

	if (swap_out(area, 0, PAGES) != PAGES)
		fail("only %zu pages are swapped", swap_count(area, 0, PAGES));
	area_touch(area, GROUP, GROUP);
	area_fill(area, 2 * GROUP, GROUP, 3);
	if (madvise(area_page(area, 3 * GROUP), GROUP * page_size(), MADV_DONTNEED))
		pr_perror("madvise");
	area_expect(area, 3 * GROUP, GROUP, 1);
	area_touch(area, 3 * GROUP, GROUP / 2);
}

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	swap_make();
	fd = file_make(FILE_NAME, PAGES, 1);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			      0),
			 PAGES);
		area_fill(&areas[shape], 0, PAGES, 2);
	}
	close(fd);
	test_daemon();
	run_shapes(change);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
