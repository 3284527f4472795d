// SPDX-License-Identifier: GPL-2.0-only
#include "remote_advise.h"

const char *test_doc =
	"Pages after MADV_FREE, reclaimed by process_madvise(MADV_PAGEOUT) of another process";
const char *test_author = "criu-lazy-wp";

static int remote_pageout(void *start, size_t len)
{
	return remote_advise(start, len, MADV_PAGEOUT);
}

static int advise(void *start, size_t len)
{
	return madvise(start, len, MADV_FREE) ? -1 : advise_reclaim(start, len, remote_pageout);
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_ANONYMOUS,
		.outcome = ADVISE_THROWS_AWAY,
		.advise = advise,
	};

	return remote_advise_main(argc, argv, &test);
}
