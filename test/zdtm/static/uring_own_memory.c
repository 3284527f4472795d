// SPDX-License-Identifier: GPL-2.0-only
#include "uring_own_memory.h"

const char *test_doc = "io_uring in memory of the program's own, which the kernel writes";
const char *test_author = "criu-lazy-wp";

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++)
		set_up(shape);
	test_daemon();
	run_shapes(answer_request);
	if (check_answer(0) || check_answer(1))
		return 1;
	pass();
	return 0;
}
