// SPDX-License-Identifier: GPL-2.0-only
#include <sys/random.h>

#include "setups.h"

const char *test_doc = "A page written by getrandom(2), kept by its check sum";
const char *test_author = "criu-lazy-wp";

static uint32_t crcs[SHAPES];

/* Behind the area: its numbers know nothing of it. */
static uint8_t *random_page(struct area *area)
{
	return area_page(area, PAGES);
}

static void setup(struct area *area)
{
	area_map(area, PAGES + 1);
	area_fill(area, 0, PAGES + 1, 1);
	area->pages = PAGES;
}

static void change(struct area *area)
{
	size_t shape = (size_t)(area - areas);

	MUST(getrandom(random_page(area), page_size(), 0));
	crcs[shape] = ~0U;
	datasum(random_page(area), page_size(), &crcs[shape]);
}

int main(int argc, char **argv)
{
	int result = areas_test(argc, argv, setup, change);

	for (int shape = 0; shape < SHAPES; shape++) {
		uint32_t crc = ~0U;

		datasum(random_page(&areas[shape]), page_size(), &crc);
		if (crc != crcs[shape])
			return fail("shape %d: check sum %#x, not %#x", shape, crc, crcs[shape]);
	}
	return result;
}
