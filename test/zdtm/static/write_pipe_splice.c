// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "setups.h"

const char *test_doc = "Pages written by vmsplice(2) out of a pipe";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	struct iovec target = { area_page(area, 5), page_size() };
	uint8_t *data = malloc(page_size());
	int ends[2];

	area_expect(area, 5, 1, 2);
	page_make(data, area->expected[5]);
	MUST(pipe(ends));
	MUST(write(ends[1], data, page_size()));
	if (vmsplice(ends[0], &target, 1, 0) != (ssize_t)page_size())
		fail("vmsplice");
	close(ends[0]);
	close(ends[1]);
	free(data);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
