// SPDX-License-Identifier: GPL-2.0-only
#include <sys/wait.h>

#include "memory.h"

const char *test_doc = "MADV_WIPEONFORK and a fork: zero in the child, as it was in the parent";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static struct area areas[SHAPES];
static pid_t children[SHAPES];
static int go[2]; /* its end tells the children to check */

/* Every fourth page is written after the fork, by each process its own way. */
static void write_some(struct area *area, unsigned int generation)
{
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(area, page, 1, generation);
}

static void run_child(int shape)
{
	struct area *area = &areas[shape];
	char byte;

	close(go[1]);
	area_expect(area, 0, PAGES, 0);
	write_some(area, 2);
	while (read(go[0], &byte, 1) > 0)
		;
	_exit(area_check(area, "in the child"));
}

static void change(int shape)
{
	if (madvise(areas[shape].memory, PAGES * page_size(), MADV_WIPEONFORK))
		fail("madvise");
	children[shape] = fork();
	if (children[shape] < 0)
		fail("fork");
	if (!children[shape])
		run_child(shape);
	write_some(&areas[shape], 3);
}

static int check_child(int shape)
{
	int status;

	if (waitpid(children[shape], &status, 0) != children[shape] || status)
		return fail("child %d: wait status %#x", shape, (unsigned int)status);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (pipe(go)) {
		pr_perror("pipe");
		exit(1);
	}
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	test_daemon();
	run_shapes(change);
	close(go[1]);
	if (check_child(0) || check_child(1))
		return 1;
	return areas_verdict(areas);
}
