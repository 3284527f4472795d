// SPDX-License-Identifier: GPL-2.0-only
#include <sys/syscall.h>

#include "setups.h"

const char *test_doc = "Sealed mappings (mseal)";
const char *test_author = "criu-lazy-wp";

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10 */
#endif

static void setup(struct area *area)
{
	setup_anon(area);
	if (syscall(SYS_mseal, area->memory, PAGES * page_size(), 0)) {
		skip("no mseal (Linux 6.10)");
		exit(1);
	}
}

static void change(struct area *area)
{
	area_fill(area, 0, PAGES / 4, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup, change);
}
