// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>

#include "writes.h"

const char *test_doc = "Pages written by one readv(2) from a file";
const char *test_author = "criu-lazy-wp";

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int fd = memfd_create("write_readv", MFD_CLOEXEC);

	if (fd < 0 || writev(fd, sources, pages) < 0 || lseek(fd, 0, SEEK_SET) ||
	    readv(fd, targets, pages) != pages * (ssize_t)page_size())
		pr_perror("readv");
	close(fd);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_readv.test", put);
}
