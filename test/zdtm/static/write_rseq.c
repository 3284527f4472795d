// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rseq.h>

#include "raw_thread.h"

const char *test_doc =
	"A thread's rseq area: the kernel writes the CPU, and no CPU when it is taken away";
const char *test_author = "criu-lazy-wp";

#define RSEQ_AT   1024 /* in the page */
#define SIGNATURE 0x53053053

static long rseq(uint8_t *page, int flags)
{
	return syscall(SYS_rseq, page + RSEQ_AT, 32, flags, SIGNATURE);
}

static uint32_t cpu_of(const uint8_t *page)
{
	return ((const struct rseq *)(page + RSEQ_AT))->cpu_id;
}

static bool is_registered;

static void register_area(uint8_t *page)
{
	memset(page + RSEQ_AT, 0, 32);
	is_registered = !rseq(page, 0);
}

static void unregister_area(uint8_t *page)
{
	rseq(page, RSEQ_FLAG_UNREGISTER);
}

static void change(int shape)
{
	const uint8_t *page = raw_threads[shape].page;

	raw_thread_end(shape, &raw_threads[shape].cleared_at_exit);
	if (cpu_of(page) != (uint32_t)RSEQ_CPU_ID_UNINITIALIZED)
		fail("the area's CPU is %#x", cpu_of(page));
	fills_remember(&fills[shape], RAW_THREAD_PAGE);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fills_setup();
	for (int shape = 0; shape < SHAPES; shape++)
		raw_thread_start(shape, register_area, unregister_area,
				 &raw_threads[shape].cleared_at_exit);
	if (!is_registered) {
		skip("this kernel has no rseq");
		exit(1);
	}
	test_daemon();
	run_shapes(change);
	return fills_verdict();
}
