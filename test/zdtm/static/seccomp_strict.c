// SPDX-License-Identifier: GPL-2.0-only
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "environment.h"

const char *test_doc = "A task in seccomp's strict mode: read, write and exit only";
const char *test_author = "criu-lazy-wp";

static bool enter(void)
{
	zdtm_seccomp = 1;
	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

/* Any other call would end it. */
static bool is_inside(void)
{
	return true;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
