// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#include "environment.h"

const char *test_doc = "A task with PR_SET_THP_DISABLE";
const char *test_author = "criu-lazy-wp";

static bool enter(void)
{
	return !prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static bool is_inside(void)
{
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
