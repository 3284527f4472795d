// SPDX-License-Identifier: GPL-2.0-only
#include "advise.h"

const char *test_doc = "MADV_COLLAPSE on anonymous memory";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	/* Either answer will do; the bytes stay. */
	madvise(start, len, MADV_COLLAPSE);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_ANONYMOUS,
		.outcome = ADVISE_KEEPS,
		.advise = advise,
	};

	return advise_main(argc, argv, &test);
}
