// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "memory.h"

#include "lock.h" /* needs zdtmtst.h in CRIU's tree */

const char *test_doc = "Threads end and others start, on stacks that were used before";
const char *test_author = "criu-lazy-wp";

#define STACK_PAGES 32
#define PAGE_BYTES  4096

static futex_t filled, finish;
static pthread_t thread;

/* Its stack holds pages of its generation, until it is told to check them and to end. */
static void *live(void *generation)
{
	uint8_t pages[STACK_PAGES * PAGE_BYTES];
	struct area area;

	area_use(&area, pages, sizeof(pages) / page_size());
	area_fill(&area, 0, area.pages, *(const unsigned int *)generation);
	futex_set_and_wake(&filled, 1);
	futex_wait_while(&finish, 0);
	return area_check(&area, "on a thread's stack") ? generation : NULL;
}

static void start(unsigned int generation)
{
	static unsigned int kept;

	kept = generation;
	futex_set(&filled, 0);
	futex_set(&finish, 0);
	if (pthread_create(&thread, NULL, live, &kept)) {
		fail("pthread_create");
		exit(1);
	}
	futex_wait_while(&filled, 0);
}

/* Says so itself if its pages were not as they should be. */
static int end(void)
{
	void *wrong = NULL;

	futex_set_and_wake(&finish, 1);
	pthread_join(thread, &wrong);
	return wrong != NULL;
}

/* The next thread gets the cached stack of the last one. */
static void change(int shape)
{
	if (!end())
		start(2 + (unsigned int)shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	start(1);
	test_daemon();
	run_shapes(change);
	if (end())
		return 1;
	pass();
	return 0;
}
