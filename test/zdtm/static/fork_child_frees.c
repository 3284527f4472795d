// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning a shared page for reading, as process_vm_readv(2) does, gives the process that is read a
 * copy that no page table calls dirty. When a child then frees its share lazily, the kernel takes
 * the page for one that may be thrown away, and the parent loses it.
 */
#include "fork.h"

const char *test_doc = "MADV_FREE in a child, and reclaim: the parent's pages stay as they were";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static int act(int step)
{
	return step == STEP_CHECK ? fork_check() : 0;
}

static int advise(const struct area *area, int advice)
{
	return madvise(area->memory, PAGES * page_size(), advice);
}

static void change(int shape)
{
	const struct area *area = &areas[shape];
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(advise(area, MADV_FREE) || advise(area, MADV_PAGEOUT));
	must(waitpid(pid, &status, 0) == pid && !status, "a child that frees its memory");
	must(!advise(area, MADV_PAGEOUT), "MADV_PAGEOUT");
	area_check(area, "freed by a child");
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	child_start(&children[0], act);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
