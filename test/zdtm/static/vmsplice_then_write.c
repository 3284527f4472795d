// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "setups.h"

const char *test_doc = "Pages lent to a pipe by vmsplice(2), then written, then read back";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	struct iovec source = { area_page(area, 0), 8 * page_size() };
	struct iovec target = { area_page(area, 16), 8 * page_size() };
	int ends[2];

	MUST(pipe(ends));
	if (vmsplice(ends[1], &source, 1, 0) != (ssize_t)source.iov_len)
		fail("vmsplice into the pipe");
	area_fill(area, 0, 8, 2); /* the pipe shows these */
	if (vmsplice(ends[0], &target, 1, 0) != (ssize_t)target.iov_len)
		fail("vmsplice out of the pipe");
	for (size_t page = 0; page < 8; page++)
		area->expected[16 + page] = area->expected[page];
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
