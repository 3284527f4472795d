// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "writes.h"

const char *test_doc = "Pages written by O_DIRECT reads that have ended before the next iteration";
const char *test_author = "criu-lazy-wp";

#define SOURCE "write_read_direct.source"

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int fd = open(SOURCE, O_RDWR | O_CREAT | O_TRUNC, 0600), direct;

	if (fd < 0 || writev(fd, sources, pages) < 0 || fsync(fd))
		pr_perror("writing %s", SOURCE);
	direct = open(SOURCE, O_RDONLY | O_DIRECT);
	if (direct < 0 || readv(direct, targets, pages) != pages * (ssize_t)page_size())
		pr_perror("reading %s", SOURCE);
	close(direct);
	close(fd);
	unlink(SOURCE);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_read_direct.test", put);
}
