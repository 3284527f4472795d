// SPDX-License-Identifier: GPL-2.0-only
#include <sys/syscall.h>
#include <sys/uio.h>

#include "other_process.h"

const char *test_doc = "MADV_PAGEOUT by process_madvise(2) from another process";
const char *test_author = "criu-lazy-wp";

static void page_out(struct area *area, pid_t target)
{
	struct iovec range = { area->memory, PAGES * page_size() };
	int pidfd = (int)syscall(SYS_pidfd_open, target, 0);

	if (syscall(SYS_process_madvise, pidfd, &range, 1, MADV_PAGEOUT, 0) < 0)
		_exit(1);
}

static void change(struct area *area)
{
	in_another_process(page_out, area);
	aftermath(area, PAGES * 3 / 4);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
