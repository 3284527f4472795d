// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>

#include "writes.h"

const char *test_doc = "Pages written by preadv2(2), the last page first";
const char *test_author = "criu-lazy-wp";

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int fd = memfd_create("write_preadv", MFD_CLOEXEC), half = pages / 2;
	ssize_t len = half * (ssize_t)page_size();

	if (fd < 0 || writev(fd, sources, pages) < 0 ||
	    preadv2(fd, targets + half, half, len, 0) != len ||
	    preadv2(fd, targets, half, 0, 0) != len)
		pr_perror("preadv2");
	close(fd);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_preadv.test", put);
}
