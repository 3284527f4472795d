// SPDX-License-Identifier: GPL-2.0-only
#include <linux/futex.h>
#include <sys/syscall.h>

#include "fills.h"

const char *test_doc = "A word of a page changed by FUTEX_WAKE_OP";
const char *test_author = "criu-lazy-wp";

static void fill(uint8_t *page)
{
	static uint32_t nobody;

	/* Adds 5 to the word. */
	if (syscall(SYS_futex, &nobody, FUTEX_WAKE_OP, 1, 1, page + 512,
		    FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)) < 0)
		pr_perror("FUTEX_WAKE_OP");
}

int main(int argc, char **argv)
{
	return fills_main(argc, argv, fill);
}
