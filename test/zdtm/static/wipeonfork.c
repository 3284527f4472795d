// SPDX-License-Identifier: GPL-2.0-only
#include <sys/wait.h>

#include "setups.h"

const char *test_doc = "MADV_WIPEONFORK: a child sees zeros, the parent keeps its pages";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	pid_t child;
	int status;

	MUST(madvise(area->memory, PAGES / 2 * page_size(), MADV_WIPEONFORK));
	child = fork();
	MUST(child);
	if (!child)
		_exit(*area_page(area, 0) || *area_page(area, PAGES - 1) == 0);
	if (waitpid(child, &status, 0) != child || status)
		fail("the child saw other memory: %#x", (unsigned int)status);
	aftermath(area, PAGES * 3 / 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
