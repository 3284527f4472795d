// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "Locked memory: mlock, mlock2 on fault, munlock";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t third = PAGES / 3 * page_size();

	MUST(mlock(area->memory, third));
	MUST(mlock2(area->memory + third, third, MLOCK_ONFAULT));
	area_fill(area, PAGES / 3 - 2, 4, 2);
	MUST(munlock(area->memory, third));
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
