// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A private file mapping whose file is written: untouched pages show it";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	int fd = open(area_file(area), O_RDWR);
	uint8_t *data = malloc(page_size());

	MUST(fd);
	for (size_t page = 1; page < PAGES; page += 4) { /* odd pages have not been copied */
		area_expect(area, page, 1, 3);
		page_make(data, area->expected[page]);
		MUST(pwrite(fd, data, page_size(), (off_t)(page * page_size())));
		MUST(pwrite(fd, data, page_size(), (off_t)((page + 1) * page_size())));
	}
	free(data);
	close(fd);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_file, change);
}
