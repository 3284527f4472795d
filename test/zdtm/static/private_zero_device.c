// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A private mapping of /dev/zero";
const char *test_author = "criu-lazy-wp";

static void setup(struct area *area)
{
	int fd = open("/dev/zero", O_RDWR);

	area_use(area, mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
		 PAGES);
	close(fd);
	area_fill(area, 0, PAGES, 1);
}

static void change(struct area *area)
{
	area_fill(area, 0, PAGES / 4, 2);
	MUST(madvise(area_page(area, PAGES / 2), PAGES / 4 * page_size(), MADV_DONTNEED));
	area_expect(area, PAGES / 2, PAGES / 4, 0);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
