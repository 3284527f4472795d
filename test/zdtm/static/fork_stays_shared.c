// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Pages that a fork shares are still shared when they have been copied out";
const char *test_author = "criu-lazy-wp";

#define EXCLUSIVELY_MAPPED (UINT64_C(1) << 56) /* in an entry of /proc/PID/pagemap */

static int act(int step)
{
	return step == STEP_CHECK ? fork_check() : 0;
}

/* The number of pages of an area that belong to this process alone. */
static size_t exclusive_pages(const struct area *area)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[PAGES];
	size_t exclusive = 0;

	must(fd >= 0 && pread(fd, entries, sizeof(entries),
			      (off_t)((uintptr_t)area->memory / page_size() * sizeof(*entries))) ==
				sizeof(entries),
	     "reading pagemap");
	close(fd);
	for (size_t page = 0; page < PAGES; page++)
		exclusive += entries[page] & EXCLUSIVELY_MAPPED ? 1 : 0;
	return exclusive;
}

static void change(int shape)
{
	for (int area = 0; area < SHAPES; area++) {
		size_t exclusive = exclusive_pages(&areas[area]);

		if (exclusive)
			fail("after pre-dump %d: area %d: %zu of %d pages are not shared any more",
			     shape + 1, area, exclusive, PAGES);
	}
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
