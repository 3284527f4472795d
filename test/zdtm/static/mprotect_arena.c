// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A reserved arena without access, committed bit by bit as malloc does";
const char *test_author = "criu-lazy-wp";

#define RESERVED (1UL << 30)

/* The first quarter is committed; one of 1 GiB could be. */
static void setup(struct area *area)
{
	void *memory = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);

	area_use(area, memory, PAGES);
	MUST(mprotect(memory, PAGES / 4 * page_size(), PROT_READ | PROT_WRITE));
	area_fill(area, 0, PAGES / 4, 1);
}

static void change(struct area *area)
{
	MUST(mprotect(area_page(area, PAGES / 4), PAGES / 4 * page_size(), PROT_READ | PROT_WRITE));
	area_fill(area, PAGES / 4, PAGES / 4, 2);
	area_fill(area, 0, 4, 2);
	MUST(mprotect(area_page(area, PAGES / 2), PAGES / 2 * page_size(), PROT_READ));
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
