// SPDX-License-Identifier: GPL-2.0-only
#include <sys/resource.h>

#include "environment.h"

const char *test_doc = "A task that may map hardly any more memory";
const char *test_author = "criu-lazy-wp";

#define SPARE (16UL << 20)

static unsigned long mapped(void)
{
	char statm[256];

	must(!read_value("/proc/self/statm", statm, sizeof(statm)), "statm");
	return strtoul(statm, NULL, 10) * page_size();
}

static bool enter(void)
{
	const struct rlimit limit = { mapped() + SPARE, mapped() + SPARE };

	return !setrlimit(RLIMIT_AS, &limit);
}

static bool is_inside(void)
{
	return mmap(NULL, 2 * SPARE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
