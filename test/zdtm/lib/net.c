// SPDX-License-Identifier: GPL-2.0-only
/* TCP connections over loopback, and names of unix sockets in the current directory. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "zdtmtst.h"

#define PORT_FIRST 8880
#define PORT_LAST  9880
#define BACKLOG    16

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* text: NULL for every address of this machine. The length of the address, or 0. */
static socklen_t make_address(union address *address, int family, const char *text, int port)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		address->v4.sin_port = htons((uint16_t)port);
		if (text && inet_pton(family, text, &address->v4.sin_addr) != 1)
			return 0;
		return sizeof(address->v4);
	}
	address->v6.sin6_port = htons((uint16_t)port);
	if (text && inet_pton(family, text, &address->v6.sin6_addr) != 1)
		return 0;
	return sizeof(address->v6);
}

static int set_option(int fd, int option)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one));
}

static int bind_free_port(int fd, int family, int *port)
{
	union address address;

	for (int try = PORT_FIRST; try <= PORT_LAST; try++) {
		socklen_t len = make_address(&address, family, NULL, try);

		if (!bind(fd, &address.any, len)) {
			*port = try;
			return 0;
		}
		if (errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

int tcp_init_server_with_opts(int family, int *port, struct zdtm_tcp_opts *opts)
{
	int fd = socket(family, SOCK_STREAM | opts->flags, IPPROTO_TCP);

	if (fd >= 0 && !(opts->reuseaddr && set_option(fd, SO_REUSEADDR)) &&
	    !(opts->reuseport && set_option(fd, SO_REUSEPORT)) &&
	    !bind_free_port(fd, family, port) && !listen(fd, BACKLOG))
		return fd;
	pr_perror("TCP server");
	if (fd >= 0)
		close(fd);
	return -1;
}

int tcp_init_server(int family, int *port)
{
	struct zdtm_tcp_opts opts = { .reuseaddr = true };

	return tcp_init_server_with_opts(family, port, &opts);
}

int tcp_accept_server(int sock)
{
	int fd = accept(sock, NULL, NULL);

	if (fd < 0)
		pr_perror("accept");
	return fd;
}

int tcp_init_client_with_fd(int sock, int family, char *servIP, unsigned short servPort)
{
	union address address;
	socklen_t len = make_address(&address, family, servIP, servPort);

	if (len && !connect(sock, &address.any, len))
		return sock;
	pr_perror("connecting to %s", servIP);
	return -1;
}

int tcp_init_client(int family, char *servIP, unsigned short servPort)
{
	int fd = socket(family, SOCK_STREAM, IPPROTO_TCP);

	if (fd < 0)
		pr_perror("socket");
	else if (tcp_init_client_with_fd(fd, family, servIP, servPort) < 0)
		close(fd);
	else
		return fd;
	return -1;
}

int unix_fill_sock_name(struct sockaddr_un *name, char *relFilename)
{
	cleanup_free char *directory = getcwd(NULL, 0);

	name->sun_family = AF_UNIX;
	if (directory && snprintf(name->sun_path, sizeof(name->sun_path), "%s/%s", directory,
				  relFilename) < (int)sizeof(name->sun_path))
		return 0;
	pr_err("the name of a unix socket is too long: %s\n", relFilename);
	return -1;
}
