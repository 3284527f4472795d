// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "The stack grows deep, and what it left there is overwritten";
const char *test_author = "criu-lazy-wp";

/* Each call uses a page of stack and is checked on the way back. */
static unsigned int dig(unsigned int depth)
{
	volatile unsigned int page[1024];
	unsigned int sum;

	for (size_t i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = depth;
	sum = depth ? dig(depth - 1) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(page); i++)
		if (page[i] != depth)
			return 0;
	return sum + depth;
}

static void change(struct area *area)
{
	area_fill(area, 0, 1, 2);
	area->expected[1] = 0;
	page_make(area_page(area, 1), 0);
	if (dig(200) != 200 * 201 / 2)
		fail("the stack forgot something");
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
