// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#include "environment.h"

const char *test_doc = "A task with PR_SET_NO_NEW_PRIVS";
const char *test_author = "criu-lazy-wp";

static bool enter(void)
{
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static bool is_inside(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
