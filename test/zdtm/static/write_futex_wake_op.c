// SPDX-License-Identifier: GPL-2.0-only
#include <linux/futex.h>
#include <sys/syscall.h>

#include "setups.h"

const char *test_doc = "A word that FUTEX_WAKE_OP sets";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	uint32_t *word = (uint32_t *)(void *)area_page(area, 7), other = 0;

	/* The word becomes what the page of generation 2 begins with, its low 12 bits by the call. */
	area_fill(area, 7, 1, 0);
	MUST(syscall(SYS_futex, &other, FUTEX_WAKE_OP, 1, (void *)1, word,
		     FUTEX_OP(FUTEX_OP_SET, 0x5a5, FUTEX_OP_CMP_EQ, 0)));
	if (*word != 0x5a5)
		fail("the kernel has not set the word: %#x", *word);
}

int main(int argc, char **argv)
{
	areas_run(argc, argv, setup_anon, change);
	for (int shape = 0; shape < SHAPES; shape++) {
		if (*(uint32_t *)(void *)area_page(&areas[shape], 7) != 0x5a5)
			return fail("shape %d: the word is lost", shape);
		area_fill(&areas[shape], 7, 1, 0);
	}
	return areas_verdict(areas);
}
