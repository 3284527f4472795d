// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc = "Pages written by a child of vfork(), in its parent's memory";
const char *test_author = "criu-lazy-wp";

static void change(int shape)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		area_fill(&areas[shape], 0, PAGES / 2, 2);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && !status, "vfork");
	must(areas[shape].expected[0] == page_number(2, 0),
	     "one memory"); /* written by the child */
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
