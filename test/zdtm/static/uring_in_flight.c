// SPDX-License-Identifier: GPL-2.0-only
#include "slow_file.h"
#include "uring.h"

const char *test_doc = "io_uring: a direct read into ordinary memory in flight while it is dumped";
const char *test_author = "criu-lazy-wp";

static struct area areas[SHAPES];
static struct ring rings[SHAPES];
static struct slow_file *slow;
static int file;

/* Nothing is registered: neither VmPin nor fdinfo tells of these pages. */
static void submit(int shape)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ,
				    .fd = file,
				    .addr = (uintptr_t)areas[shape].memory,
				    .len = (uint32_t)(SLOW_PAGES * page_size()) };

	ring_create(&rings[shape]);
	ring_attach(&rings[shape]);
	ring_queue(&rings[shape], &sqe);
	if (ring_enter(&rings[shape], 1, 0))
		exit(1);
	ring_detach(&rings[shape]);
}

static void change(int shape)
{
	int result = -1;

	slow_file_release(slow);
	ring_attach(&rings[shape]);
	if (!ring_enter(&rings[shape], 0, 1))
		result = ring_result(&rings[shape]);
	ring_detach(&rings[shape]);
	if (result != (int)(SLOW_PAGES * page_size()))
		pr_err("the read ended with %d\n", result);
	area_expect(&areas[shape], 0, SLOW_PAGES, 2);
	close(rings[shape].fd);
	if (shape == SHAPES - 1) /* CRIU does not know its mount */
		close(file);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	file = slow_file_open(&slow);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], 2 * SLOW_PAGES);
		area_fill(&areas[shape], 0, 2 * SLOW_PAGES, 1);
		submit(shape);
	}
	slow_file_wait(slow);
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
