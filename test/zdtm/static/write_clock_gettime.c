// SPDX-License-Identifier: GPL-2.0-only
#include <sys/syscall.h>
#include <time.h>

#include "fills.h"

const char *test_doc =
	"A time written into a page by the system call clock_gettime, not by the vDSO";
const char *test_author = "criu-lazy-wp";

static void fill(uint8_t *page)
{
	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, page + 1024))
		pr_perror("clock_gettime");
}

int main(int argc, char **argv)
{
	return fills_main(argc, argv, fill);
}
