// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "memory.h"

const char *test_doc = "Pages in a pipe by vmsplice() are overwritten; pages filled from one by it";
const char *test_author = "criu-lazy-wp";

#define PAGES 32
#define GROUP 8 /* a pipe holds 16 pages */

static struct area areas[SHAPES];
static int pipes[SHAPES][2];

static void splice_pages(int pipe_end, const struct area *area, size_t first)
{
	struct iovec pages = { area_page(area, first), GROUP * page_size() };

	if (vmsplice(pipe_end, &pages, 1, 0) != (ssize_t)pages.iov_len)
		pr_perror("vmsplice");
}

/* Overwrites pages that the pipe holds; then moves other pages through it. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	int *ends = pipes[shape];

	area_fill(area, 0, GROUP, 2);
	if (read(ends[0], area_page(area, GROUP), GROUP * page_size()) !=
	    (ssize_t)(GROUP * page_size()))
		pr_perror("read");
	area_fill(area, GROUP, GROUP, 3);
	splice_pages(ends[1], area, GROUP);
	splice_pages(ends[0], area, 2 * GROUP);
	for (size_t page = 2 * GROUP; page < 3 * GROUP; page++)
		area->expected[page] = area->expected[page - GROUP];
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
		if (pipe(pipes[shape]))
			pr_perror("pipe");
		splice_pages(pipes[shape][1], &areas[shape], 0);
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
