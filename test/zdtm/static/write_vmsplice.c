// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/mman.h>

#include "writes.h"

const char *test_doc =
	"Pages written by vmsplice(2) out of a pipe that splice(2) filled from a file";
const char *test_author = "criu-lazy-wp";

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int fd = memfd_create("write_vmsplice", MFD_CLOEXEC), ends[2], i;
	ssize_t len = (ssize_t)page_size();

	if (fd < 0 || pipe(ends)) {
		pr_perror("pipe");
		return;
	}
	if (writev(fd, sources, pages) < 0 || lseek(fd, 0, SEEK_SET))
		pr_perror("writev");
	for (i = 0; i < pages; i++)
		if (splice(fd, NULL, ends[1], NULL, (size_t)len, 0) != len ||
		    vmsplice(ends[0], &targets[i], 1, 0) != len)
			pr_perror("page %d", i);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_vmsplice.test", put);
}
