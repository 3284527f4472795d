// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>

#include "writes.h"

const char *test_doc = "Pages written by recvmmsg(2), four messages by each call";
const char *test_author = "criu-lazy-wp";

#define MESSAGES 4

static void put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	struct mmsghdr messages[MESSAGES] = { 0 };
	int ends[2], i, j;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) {
		pr_perror("socketpair");
		return;
	}
	for (i = 0; i < pages; i += MESSAGES) {
		for (j = 0; j < MESSAGES; j++) {
			messages[j].msg_hdr.msg_iov = (struct iovec *)&targets[i + j];
			messages[j].msg_hdr.msg_iovlen = 1;
			if (write(ends[0], sources[i + j].iov_base, page_size()) < 0)
				pr_perror("page %d", i + j);
		}
		if (recvmmsg(ends[1], messages, MESSAGES, MSG_DONTWAIT, NULL) != MESSAGES)
			pr_perror("recvmmsg at page %d", i);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	return writes_main(argc, argv, "write_recvmmsg.test", put);
}
