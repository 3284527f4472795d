// SPDX-License-Identifier: GPL-2.0-only
#include "advise.h"

const char *test_doc = "MADV_FREE on a part of a huge page, and the pages really freed";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	return madvise(start, len, MADV_FREE) ? -1 : advise_reclaim(start, len, advise_own_pageout);
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_HUGE_PART,
		.outcome = ADVISE_THROWS_AWAY,
		.advise = advise,
	};

	return advise_main(argc, argv, &test);
}
