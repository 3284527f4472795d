// SPDX-License-Identifier: GPL-2.0-only
#include "../static/children.h"

const char *test_doc = "A process forks without end; parent and child write and check their copies";
const char *test_author = "criu-lazy-wp";

#define PAGES 64

static struct area area;

/* The child writes every page in its own copy and finds the others as they were. */
static void live_and_die(unsigned int generation)
{
	for (size_t page = generation % 4; page < PAGES; page += 4)
		area_fill(&area, page, 1, ~generation & 0xffff);
	_exit(area_check(&area, "in a child"));
}

static int one_round(unsigned int generation)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		live_and_die(generation);
	for (size_t page = generation % 8; page < PAGES; page += 8)
		area_fill(&area, page, 1, generation & 0xffff);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return status || area_check(&area, "in the parent");
}

int main(int argc, char **argv)
{
	unsigned int generation = 1;

	test_init(argc, argv);
	area_map(&area, PAGES);
	area_fill(&area, 0, PAGES, generation);
	test_daemon();
	while (test_go())
		if (one_round(++generation))
			return fail("a child");
	pass();
	return 0;
}
