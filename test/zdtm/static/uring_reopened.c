// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>

#include "uring.h"

const char *test_doc = "io_uring: opened, registered, read into and closed between two iterations";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "uring_reopened.test"

static struct area areas[SHAPES];

/* The kernel takes a closed ring apart a little later, and its pins with it. */
static void wait_unpinned(void)
{
	char line[256];
	unsigned long kib = 1;

	while (kib && test_go()) {
		FILE *status = fopen("/proc/self/status", "re");

		while (status && fgets(line, sizeof(line), status))
			if (sscanf(line, "VmPin: %lu", &kib) == 1)
				break;
		if (status)
			fclose(status);
		sched_yield();
	}
}

/* Pinning for writing is a write of every page pinned, and the ring is gone before anybody looks. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	int file = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	struct ring ring;

	ring_create(&ring);
	if (!ring_register_buffer(&ring, area->memory, PAGES * page_size()) &&
	    !ring_read_fixed(&ring, file, 0, area->memory, PAGES / 2 * page_size()))
		area_expect(area, 0, PAGES / 2, 2);
	close(ring.fd);
	close(file);
	wait_unpinned();
}

int main(int argc, char **argv)
{
	struct ring probe;

	test_init(argc, argv);
	ring_create(&probe);
	close(probe.fd);
	close(file_make(FILE_NAME, PAGES, 2));
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	test_daemon();
	run_shapes(change);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
