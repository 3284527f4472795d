// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>

#include "writes.h"

const char *test_doc = "Pages written by recvmsg(2), two pages by each call";
const char *test_author = "criu-lazy-wp";

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	int ends[2], i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) {
		pr_perror("socketpair");
		return;
	}
	for (i = 0; i < pages; i += 2) {
		struct msghdr sent = { .msg_iov = (struct iovec *)&sources[i], .msg_iovlen = 2 };
		struct msghdr got = { .msg_iov = (struct iovec *)&targets[i], .msg_iovlen = 2 };

		if (sendmsg(ends[0], &sent, 0) < 0 ||
		    recvmsg(ends[1], &got, 0) != 2 * (ssize_t)page_size())
			pr_perror("page %d", i);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_recvmsg.test", put);
}
