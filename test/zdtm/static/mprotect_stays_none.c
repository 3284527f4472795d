// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Written, then made inaccessible: still so, and intact, after the restore";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	area_fill(area, 0, 4, 2);
	MUST(mprotect(area->memory, PAGES / 2 * page_size(), PROT_NONE));
}

int main(int argc, char **argv)
{
	areas_run(argc, argv, setup_anon, change);
	for (int shape = 0; shape < SHAPES; shape++)
		MUST(mprotect(areas[shape].memory, PAGES / 2 * page_size(), PROT_READ));
	return areas_verdict(areas);
}
