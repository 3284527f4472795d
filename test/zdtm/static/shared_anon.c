// SPDX-License-Identifier: GPL-2.0-only
#include "shared_kinds.h"

const char *test_doc = "Shared anonymous memory, written by this process and by its child";
const char *test_author = "criu-lazy-wp";

static void *map_shared(int shape)
{
	(void)shape;
	return mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
}

int main(int argc, char **argv)
{
	return shared_main(argc, argv);
}
