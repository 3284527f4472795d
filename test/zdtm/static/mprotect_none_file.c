// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "mprotect of a private file mapping: not accessible, and back";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	MUST(mprotect(area->memory, PAGES / 2 * page_size(), PROT_NONE));
	MUST(mprotect(area->memory, PAGES / 2 * page_size(), PROT_READ | PROT_WRITE));
	area_fill(area, 0, 4, 3);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_file, change);
}
