// SPDX-License-Identifier: GPL-2.0-only
#include <linux/aio_abi.h>
#include <sys/syscall.h>

#include "slow_file.h"

const char *test_doc = "Linux AIO: a direct read in flight while its pages are dumped";
const char *test_author = "criu-lazy-wp";

static struct area areas[SHAPES];
static aio_context_t contexts[SHAPES];
static struct slow_file *slow;
static int file;

static void submit(int shape)
{
	struct iocb request = { .aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_fildes = (uint32_t)file,
				.aio_buf = (uintptr_t)areas[shape].memory,
				.aio_nbytes = SLOW_PAGES * page_size() };
	struct iocb *requests[] = { &request };

	if (syscall(SYS_io_setup, 4, &contexts[shape]) ||
	    syscall(SYS_io_submit, contexts[shape], 1, requests) != 1) {
		skip("no Linux AIO: %s", strerror(errno));
		exit(1);
	}
}

static void change(int shape)
{
	struct io_event event = { 0 };

	slow_file_release(slow);
	if (syscall(SYS_io_getevents, contexts[shape], 1, 1, &event, NULL) != 1 ||
	    event.res != (int64_t)(SLOW_PAGES * page_size()))
		pr_err("the read ended with %lld\n", (long long)event.res);
	area_expect(&areas[shape], 0, SLOW_PAGES, 2);
	syscall(SYS_io_destroy, contexts[shape]);
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
