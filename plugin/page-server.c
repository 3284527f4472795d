// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRIU may send its pages to a page server. Options, configuration files and RPC can say so; what
 * is certain is the connection, which CRIU has before it stops anything. Clean pages are then in
 * the parent directory of the server, which is asked on CRIU's own connection whether it is the
 * right one: before CRIU's first command there that opens images, from whose length we know which
 * of the protocol's two forms this CRIU speaks. Through TLS we see no command and do not ask.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "image/page-client.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

static bool is_inet_stream(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) &&
	       socket_option(fd, SO_TYPE) == SOCK_STREAM;
}

bool plugin_has_page_server(void)
{
	auto_closedir DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && is_inet_stream(atoi(entry->d_name)))
			return true;
	return !dir; /* nobody knows */
}

int plugin_before_send(struct session *session, int fd, const void *bytes, size_t len)
{
	struct image_page_client client = { .fd = fd, .command_bytes = len };
	static bool asked;
	uint64_t mark;
	int ret;

	if (asked || !image_page_client_is_opening(bytes, len) || !is_inet_stream(fd))
		return 0;
	asked = true;
	mark = session_parent_mark(session);
	ret = mark ? image_page_client_parent_has(&client, mark) : 0;
	if (ret > 0)
		session_prove_parent(session);
	return ret < 0 ? ret : 0;
}
