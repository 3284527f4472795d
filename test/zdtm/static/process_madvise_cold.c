// SPDX-License-Identifier: GPL-2.0-only
#include "remote_advise.h"

const char *test_doc = "process_madvise(MADV_COLD) of another process";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	return remote_advise(start, len, MADV_COLD);
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_ANONYMOUS,
		.outcome = ADVISE_KEEPS,
		.advise = advise,
	};

	return remote_advise_main(argc, argv, &test);
}
