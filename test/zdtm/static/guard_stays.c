// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "setups.h"

const char *test_doc = "Guard regions that stay: they still guard, and their neighbours are intact";
const char *test_author = "criu-lazy-wp";

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#define MADV_GUARD_REMOVE  103
#endif

#define GUARDS 4

/* The guards lie behind what is compared. */
static void setup(struct area *area)
{
	area_map(area, PAGES + GUARDS);
	area_fill(area, 0, PAGES + GUARDS, 1);
	area->pages = PAGES;
	if (madvise(area_page(area, PAGES), page_size(), MADV_GUARD_INSTALL)) {
		skip("no guard regions (Linux 6.13)");
		exit(1);
	}
	MUST(madvise(area_page(area, PAGES), page_size(), MADV_GUARD_REMOVE));
}

static bool is_guarded(const struct area *area, size_t page)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { area_page(area, page), 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 && errno == EFAULT;
}

static void change(struct area *area)
{
	MUST(madvise(area_page(area, PAGES), GUARDS * page_size(), MADV_GUARD_INSTALL));
	area_fill(area, 0, PAGES / 2, 2);
}

int main(int argc, char **argv)
{
	int result = areas_test(argc, argv, setup, change);

	for (int shape = 0; shape < SHAPES; shape++)
		for (size_t guard = 0; guard < GUARDS; guard++)
			if (!is_guarded(&areas[shape], PAGES + guard))
				return fail("shape %d: guard %zu is gone", shape, guard);
	return result;
}
