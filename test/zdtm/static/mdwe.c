// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_GET_MDWE              66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#include "environment.h"

const char *test_doc = "A task that may map nothing writable and executable (PR_SET_MDWE)";
const char *test_author = "criu-lazy-wp";

static bool enter(void)
{
	return !prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

static bool is_inside(void)
{
	return prctl(PR_GET_MDWE, 0, 0, 0, 0) == PR_MDWE_REFUSE_EXEC_GAIN;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
