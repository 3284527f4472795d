// SPDX-License-Identifier: GPL-2.0-only
#include "advise.h"

const char *test_doc =
	"MADV_DONTNEED_LOCKED on copied and untouched pages of a private file mapping";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	/* Locking for good would populate what the test wants to leave alone. */
	return mlock2(start, len, MLOCK_ONFAULT) || madvise(start, len, MADV_DONTNEED_LOCKED) ||
			       munlock(start, len) ?
		       -1 :
		       0;
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_FILE,
		.outcome = ADVISE_THROWS_AWAY,
		.advise = advise,
		.file_name = "dontneed_locked_file.test",
	};

	return advise_main(argc, argv, &test);
}
