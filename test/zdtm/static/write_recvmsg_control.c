// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>
#include <sys/un.h>

#include "fills.h"

const char *test_doc = "The address and the control message that recvmsg(2) writes";
const char *test_author = "criu-lazy-wp";

/* The data itself goes elsewhere. */
static void fill(uint8_t *page)
{
	int ends[2], on = 1;
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_name = page,
				  .msg_namelen = sizeof(struct sockaddr_un),
				  .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = page + 1024,
				  .msg_controllen = CMSG_SPACE(sizeof(struct ucred)) };

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) ||
	    setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    write(ends[0], &byte, 1) != 1 || recvmsg(ends[1], &message, 0) != 1 ||
	    message.msg_controllen != CMSG_SPACE(sizeof(struct ucred)))
		pr_perror("recvmsg");
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	return fills_main(argc, argv, fill);
}
