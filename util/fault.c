// SPDX-License-Identifier: GPL-2.0-only
#include "util/fault.h"

#ifdef LAZY_WP_FAULTS

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/cleanup.h"

static int connect_to_test(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		if (errno != EINTR)
			return -errno;
	return take_fd(&fd);
}

/* Also called in the helper of ptrace-inject, whose timer interrupts every call. */
int fault_ask(const char *point)
{
	const char *path = getenv("LAZY_WP_FAULT");
	int saved = errno, fd = path ? connect_to_test(path) : -1;
	int32_t answer = 0;
	ssize_t got = 0;

	if (fd >= 0 && send(fd, point, strlen(point), MSG_NOSIGNAL) > 0)
		while ((got = recv(fd, &answer, sizeof(answer), 0)) < 0 && errno == EINTR)
			;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return got == sizeof(answer) ? -answer : 0;
}

#endif
