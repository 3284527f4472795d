// SPDX-License-Identifier: GPL-2.0-only

#include "writes.h"

const char *test_doc = "Pages written by read(2) from a pipe";
const char *test_author = "criu-lazy-wp";

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int ends[2], i;

	if (pipe(ends)) {
		pr_perror("pipe");
		return;
	}
	for (i = 0; i < pages; i++)
		if (write(ends[1], sources[i].iov_base, page_size()) != (ssize_t)page_size() ||
		    read(ends[0], targets[i].iov_base, page_size()) != (ssize_t)page_size())
			pr_perror("page %d", i);
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_read.test", put);
}
