// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "setups.h"

const char *test_doc = "Pages written by preadv(2) into scattered buffers";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	struct iovec buffers[PAGES / 2];
	int fd = file_make(area_file(area), PAGES / 2, 2);

	for (size_t i = 0; i < PAGES / 2; i++) {
		buffers[i].iov_base = area_page(area, 2 * i);
		buffers[i].iov_len = page_size();
		area->expected[2 * i] = page_number(2, i);
	}
	MUST(preadv(fd, buffers, PAGES / 2, 0));
	close(fd);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
