/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share in which the kernel writes bytes that cannot be known before: after the
 * change a page's contents are remembered in a second mapping, by ordinary stores.
 */
#ifndef ZDTM_FILLS_H
#define ZDTM_FILLS_H

#include "memory.h"

#define FILLS_PAGES 16

struct fills {
	struct area area;
	uint8_t *copy;
};

static struct fills fills[SHAPES];

static inline void fills_remember(struct fills *fill, size_t page)
{
	memcpy(fill->copy + page * page_size(), area_page(&fill->area, page), page_size());
}

static inline void fills_setup(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		struct fills *fill = &fills[shape];

		area_map(&fill->area, FILLS_PAGES);
		area_fill(&fill->area, 0, FILLS_PAGES, 1);
		fill->copy = malloc(FILLS_PAGES * page_size());
		if (!fill->copy) {
			pr_perror("malloc");
			exit(1);
		}
		for (size_t page = 0; page < FILLS_PAGES; page++)
			fills_remember(fill, page);
	}
}

/* Is the page another than the one before the change? Fails the test if not. */
static inline bool fills_changed(const struct fills *fill, size_t page)
{
	if (memcmp(fill->copy + page * page_size(), area_page(&fill->area, page), page_size()))
		return true;
	fail("page %zu was not written", page);
	return false;
}

static inline int fills_verdict(void)
{
	for (int shape = 0; shape < SHAPES; shape++)
		for (size_t i = 0; i < FILLS_PAGES * page_size(); i++)
			if (fills[shape].area.memory[i] != fills[shape].copy[i])
				return fail("shape %d: page %zu byte %zu: %#x, not %#x", shape,
					    i / page_size(), i % page_size(),
					    fills[shape].area.memory[i], fills[shape].copy[i]);
	pass();
	return 0;
}

static void (*fill_page)(uint8_t *page);

static inline void fills_change(int shape)
{
	for (size_t page = 0; page < FILLS_PAGES; page += 2) {
		fill_page(area_page(&fills[shape].area, page));
		if (fills_changed(&fills[shape], page))
			fills_remember(&fills[shape], page);
	}
}

/* The whole test, for a kernel that writes somewhere into a page when it is asked to. */
static inline int fills_main(int argc, char **argv, void (*fill)(uint8_t *page))
{
	test_init(argc, argv);
	fill_page = fill;
	fills_setup();
	test_daemon();
	run_shapes(fills_change);
	return fills_verdict();
}

#endif
