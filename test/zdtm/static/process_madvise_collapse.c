// SPDX-License-Identifier: GPL-2.0-only
#include "remote_advise.h"

const char *test_doc = "process_madvise(MADV_COLLAPSE) of another process on a whole huge page";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	/* A registered range may be refused; the bytes stay. */
	remote_advise(start, len, MADV_COLLAPSE);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_HUGE_WHOLE,
		.outcome = ADVISE_KEEPS,
		.advise = advise,
	};

	return remote_advise_main(argc, argv, &test);
}
