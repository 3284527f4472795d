// SPDX-License-Identifier: GPL-2.0-only
#include <linux/futex.h>

#include "raw_thread.h"

const char *test_doc = "A robust futex whose owner ends: the kernel writes FUTEX_OWNER_DIED";
const char *test_author = "criu-lazy-wp";

#define FUTEX_AT 2048 /* in the page */

/* The list is elsewhere: of the page the kernel touches nothing but the futex. */
static struct {
	struct robust_list_head head;
	struct robust_list entry;
} lists[SHAPES];

static uint32_t *futex_of(uint8_t *page)
{
	return (uint32_t *)(page + FUTEX_AT);
}

/* The thread takes the lock. */
static void prepare(uint8_t *page)
{
	int shape = page == raw_threads[1].page;

	lists[shape].entry.next = &lists[shape].head.list;
	lists[shape].head.list.next = &lists[shape].entry;
	lists[shape].head.futex_offset = page + FUTEX_AT - (uint8_t *)&lists[shape].entry;
	*futex_of(page) = (uint32_t)syscall(SYS_gettid);
	if (syscall(SYS_set_robust_list, &lists[shape].head, sizeof(lists[shape].head)))
		*futex_of(page) = 0;
}

static void nothing(uint8_t *page)
{
	(void)page;
}

static void change(int shape)
{
	uint8_t *page = raw_threads[shape].page;

	raw_thread_end(shape, &raw_threads[shape].cleared_at_exit);
	if (!(*futex_of(page) & FUTEX_OWNER_DIED))
		fail("the futex is %#x", *futex_of(page));
	fills_remember(&fills[shape], RAW_THREAD_PAGE);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fills_setup();
	for (int shape = 0; shape < SHAPES; shape++)
		raw_thread_start(shape, prepare, nothing, &raw_threads[shape].cleared_at_exit);
	test_daemon();
	run_shapes(change);
	return fills_verdict();
}
