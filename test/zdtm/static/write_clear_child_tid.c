// SPDX-License-Identifier: GPL-2.0-only
#include "raw_thread.h"

const char *test_doc = "The word that the kernel clears when a thread ends (CLONE_CHILD_CLEARTID)";
const char *test_author = "criu-lazy-wp";

static void nothing(uint8_t *page)
{
	(void)page;
}

static void change(int shape)
{
	raw_thread_end(shape, (pid_t *)area_page(&fills[shape].area, RAW_THREAD_PAGE));
	if (fills_changed(&fills[shape], RAW_THREAD_PAGE))
		fills_remember(&fills[shape], RAW_THREAD_PAGE);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fills_setup();
	for (int shape = 0; shape < SHAPES; shape++)
		raw_thread_start(shape, nothing, nothing,
				 (pid_t *)area_page(&fills[shape].area, RAW_THREAD_PAGE));
	test_daemon();
	run_shapes(change);
	return fills_verdict();
}
