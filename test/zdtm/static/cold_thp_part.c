// SPDX-License-Identifier: GPL-2.0-only
#include "advise.h"

const char *test_doc = "MADV_COLD on a part of a huge page";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	return madvise(start, len, MADV_COLD);
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_HUGE_PART,
		.outcome = ADVISE_KEEPS,
		.advise = advise,
	};

	return advise_main(argc, argv, &test);
}
