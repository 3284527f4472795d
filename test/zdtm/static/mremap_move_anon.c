// SPDX-License-Identifier: GPL-2.0-only
#include "moving.h"

const char *test_doc = "mremap: anonymous memory moves; then partly written";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	size_t size = area->pages * page_size();

	area->memory = move(area->memory, size, size, free_place(size));
	area_fill(area, 0, 4, 3);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
