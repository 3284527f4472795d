// SPDX-License-Identifier: GPL-2.0-only
#include "uring.h"

const char *test_doc = "io_uring: a registered buffer written by a fixed read between iterations";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "uring_fixed.test"

static struct area areas[SHAPES];
static struct ring rings[SHAPES];

/* The ring of an area is closed after its change, because CRIU dumps no rings. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	int file = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

	if (!ring_read_fixed(&rings[shape], file, 0, area->memory, PAGES / 2 * page_size()))
		area_expect(area, 0, PAGES / 2, 2);
	close(file);
	close(rings[shape].fd);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	close(file_make(FILE_NAME, PAGES, 2));
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
		ring_create(&rings[shape]);
		if (ring_register_buffer(&rings[shape], areas[shape].memory, PAGES * page_size()))
			return 1;
	}
	test_daemon();
	run_shapes(change);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
