// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc =
	"A private file mapping whose file is cut and grows again: copies are lost, too";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	int fd = open(area_file(area), O_RDWR);
	size_t half = PAGES / 2;

	MUST(fd);
	MUST(ftruncate(fd, (off_t)(half * page_size())));
	MUST(ftruncate(fd, (off_t)(PAGES * page_size())));
	close(fd);
	area_expect(area, half, half, 0);
	aftermath(area, 3);
	area_fill(area, half, 4, 3);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_file, change);
}
