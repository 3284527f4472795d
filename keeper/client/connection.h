/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the client: the connection, and where sockets are. */
#ifndef LAZY_WP_KEEPER_CLIENT_CONNECTION_H
#define LAZY_WP_KEEPER_CLIENT_CONNECTION_H

#include <sys/un.h>

struct keeper_client {
	int socket;
};

#endif
