// SPDX-License-Identifier: GPL-2.0-only
#include "setups.h"

const char *test_doc = "A mapping of 1 TiB with ten pages in it";
const char *test_author = "criu-lazy-wp";

#define SPARSE_SIZE (1UL << 40)
#define TOUCHED     10

static void *far_page(const struct area *area, size_t i)
{
	return area->memory + i * (SPARSE_SIZE / TOUCHED);
}

static void setup(struct area *area)
{
	area_use(area,
		 mmap(NULL, SPARSE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		 1);
	for (size_t i = 0; i < TOUCHED; i++)
		page_make(far_page(area, i), page_number(1, i));
	area->expected[0] = page_number(1, 0);
}

static void change(struct area *area)
{
	for (size_t i = 0; i < TOUCHED; i += 2)
		page_make(far_page(area, i), page_number(2, i));
}

int main(int argc, char **argv)
{
	areas_run(argc, argv, setup, change);
	for (int shape = 0; shape < SHAPES; shape++)
		for (size_t i = 0; i < TOUCHED; i++)
			if (page_fault(far_page(&areas[shape], i), page_number(i % 2 ? 1 : 2, i)) >=
			    0)
				return fail("shape %d: page %zu", shape, i);
	pass();
	return 0;
}
