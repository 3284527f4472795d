// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "other_process.h"

const char *test_doc = "Pages written by process_vm_writev(2) from another process";
const char *test_author = "criu-lazy-wp";

static void write_pages(struct area *area, pid_t target)
{
	struct iovec remote = { area->memory, PAGES / 2 * page_size() }, local = remote;

	area_fill(area, 0, PAGES / 2, 2); /* our copy of it */
	if (process_vm_writev(target, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
		_exit(1);
}

static void change(struct area *area)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	in_another_process(write_pages, area);
	area_expect(area, 0, PAGES / 2, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
