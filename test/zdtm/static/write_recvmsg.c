// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>

#include "setups.h"

const char *test_doc = "Pages written by recvmsg(2) from a socket";
const char *test_author = "criu-lazy-wp";

static void change(struct area *area)
{
	struct iovec buffers[2] = { { area_page(area, 3), page_size() },
				    { area_page(area, 9), page_size() } };
	struct msghdr message = { .msg_iov = buffers, .msg_iovlen = 2 };
	uint8_t *data = malloc(2 * page_size());
	int sockets[2];

	area_expect(area, 3, 1, 2);
	area_expect(area, 9, 1, 2);
	page_make(data, area->expected[3]);
	page_make(data + page_size(), area->expected[9]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	MUST(write(sockets[0], data, 2 * page_size()));
	if (recvmsg(sockets[1], &message, MSG_WAITALL) != (ssize_t)(2 * page_size()))
		fail("recvmsg");
	close(sockets[0]);
	close(sockets[1]);
	free(data);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
