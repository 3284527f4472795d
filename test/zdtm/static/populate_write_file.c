// SPDX-License-Identifier: GPL-2.0-only
#include "advise.h"

const char *test_doc =
	"MADV_POPULATE_WRITE on copied and untouched pages of a private file mapping";
const char *test_author = "criu-lazy-wp";

static int advise(void *start, size_t len)
{
	return madvise(start, len, MADV_POPULATE_WRITE);
}

int main(int argc, char **argv)
{
	static const struct advise_test test = {
		.memory = ADVISE_FILE,
		.outcome = ADVISE_KEEPS,
		.advise = advise,
		.file_name = "populate_write_file.test",
	};

	return advise_main(argc, argv, &test);
}
