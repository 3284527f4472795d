// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "environment.h"

const char *test_doc = "A task that may lock no memory";
const char *test_author = "criu-lazy-wp";

static bool enter(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none_left[2] = { 0 };
	const struct rlimit none = { 0, 0 };

	return !prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0) &&
	       !syscall(SYS_capset, &header, none_left) && !setrlimit(RLIMIT_MEMLOCK, &none);
}

static bool is_inside(void)
{
	return mlock(areas[0].memory, page_size()) && errno == EPERM;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
