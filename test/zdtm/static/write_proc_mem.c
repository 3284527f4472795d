// SPDX-License-Identifier: GPL-2.0-only
#include "other_process.h"

const char *test_doc = "Pages written through /proc/PID/mem by another process";
const char *test_author = "criu-lazy-wp";

static void write_pages(struct area *area, pid_t target)
{
	size_t len = PAGES / 2 * page_size();
	char path[64];
	int fd;

	ssprintf(path, "/proc/%d/mem", target);
	fd = open(path, O_RDWR);
	area_fill(area, 0, PAGES / 2, 2); /* our copy of it */
	if (pwrite(fd, area->memory, len, (off_t)(uintptr_t)area->memory) != (ssize_t)len)
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
