// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Pages written by read(2), also into the middle of a page";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	int fd = file_make(area_file(area), PAGES, 2);

	MUST(pread(fd, area->memory, PAGES / 2 * page_size(), 0));
	area_expect(area, 0, PAGES / 2, 2);
	/* The same words once more, by a read that begins and ends in the middle of a page. */
	MUST(pread(fd, area_page(area, 4) + 100, page_size(), 4 * (off_t)page_size() + 100));
	close(fd);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
