// SPDX-License-Identifier: GPL-2.0-only
#include "image/page-client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "util/cleanup.h"

/* The low 16 bits of a command's first word; the flags of a pagemap entry are in the high ones. */
enum command {
	COMMAND_OPEN = 4,       /* answered by one byte */
	COMMAND_HAS_PARENT = 5, /* answered by four */
	COMMAND_ADD = 6,
	COMMAND_CLOSE = 0x1023, /* answered by four */
};
#define FLAGS_SHIFT 16

/* What kind of memory an id is of: its lowest byte on the wire. */
#define KIND_TASK  1
#define KIND_SHIFT 8

struct wide_command {
	uint32_t command, unused;
	uint64_t nr_pages, vaddr, destination;
};

struct old_command {
	uint32_t command, nr_pages;
	uint64_t vaddr, destination;
};

_Static_assert(sizeof(struct wide_command) == IMAGE_PAGE_COMMAND_WIDE, "as CRIU 4.2 has it");
_Static_assert(sizeof(struct old_command) == IMAGE_PAGE_COMMAND_OLD, "as CRIU 4.1 has it");

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Corked: commands and pages go out in full segments, and what is to be answered at once. */
static int prepare(int fd)
{
	const struct timeval deadline = { .tv_sec = IMAGE_PAGE_CLIENT_DEADLINE_S };
	int ret = set_option(fd, IPPROTO_TCP, TCP_CORK, 1);

	if (!ret)
		ret = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
				 IMAGE_PAGE_CLIENT_DEADLINE_S * 1000);
	if (!ret && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)) ||
		     setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline))))
		ret = -errno;
	return ret;
}

static int connect_to(const struct addrinfo *info)
{
	auto_close int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC,
				   info->ai_protocol);
	int ret = fd < 0 ? -errno : prepare(fd);

	if (!ret && connect(fd, info->ai_addr, info->ai_addrlen))
		ret = errno == EINPROGRESS ? -ETIMEDOUT : -errno; /* SO_SNDTIMEO is over */
	return ret ? ret : take_fd(&fd);
}

int image_page_client_connect(const char *address, uint16_t port, size_t command_bytes,
			      struct image_page_client *ret_client)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
	struct addrinfo *list;
	char service[8];
	int fd = -EADDRNOTAVAIL;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(address, service, &hints, &list))
		return -EADDRNOTAVAIL;
	for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next)
		fd = connect_to(info);
	freeaddrinfo(list);
	if (fd < 0)
		return fd;
	*ret_client = (struct image_page_client){ .fd = fd, .command_bytes = command_bytes };
	return 0;
}

/* A timeout of the socket's own shows as EAGAIN. */
static int socket_error(ssize_t done)
{
	if (!done)
		return -ECONNRESET;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

static int send_all(int fd, struct iovec *parts, size_t nr)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = nr };

	while (message.msg_iovlen) {
		ssize_t done = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return socket_error(done);
		while (message.msg_iovlen && (size_t)done >= message.msg_iov->iov_len) {
			done -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen) {
			message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + done;
			message.msg_iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

/* bytes: nr_pages of them, or NULL. */
static int send_command(struct image_page_client *client, uint32_t command, uint64_t id,
			uint64_t vaddr, uint64_t nr_pages, const void *bytes)
{
	const uint64_t destination = id << KIND_SHIFT | KIND_TASK;
	struct wide_command wide = {
		.command = command,
		.nr_pages = nr_pages,
		.vaddr = vaddr,
		.destination = destination,
	};
	struct old_command old = {
		.command = command,
		.nr_pages = (uint32_t)nr_pages,
		.vaddr = vaddr,
		.destination = destination,
	};
	bool is_wide = client->command_bytes == sizeof(wide);
	struct iovec parts[] = {
		{ is_wide ? (void *)&wide : (void *)&old, client->command_bytes },
		{ (void *)bytes, nr_pages * image_page_size() },
	};

	if (!is_wide && nr_pages > UINT32_MAX)
		return -EOVERFLOW;
	return send_all(client->fd, parts, bytes ? 2 : 1);
}

/* Sets TCP_NODELAY again: that sends what the cork still holds. */
static int receive(struct image_page_client *client, void *ret_answer, size_t len)
{
	uint8_t *answer = ret_answer;
	int ret = set_option(client->fd, IPPROTO_TCP, TCP_NODELAY, 1);

	while (!ret && len) {
		ssize_t done = recv(client->fd, answer, len, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return socket_error(done);
		answer += done;
		len -= (size_t)done;
	}
	return ret;
}

bool image_page_client_is_opening(const void *bytes, size_t len)
{
	uint32_t command;

	if (len != IMAGE_PAGE_COMMAND_OLD && len != IMAGE_PAGE_COMMAND_WIDE)
		return false;
	memcpy(&command, bytes, sizeof(command));
	return command == COMMAND_OPEN || command == COMMAND_HAS_PARENT;
}

int image_page_client_parent_has(struct image_page_client *client, uint64_t id)
{
	int32_t answer = 0;
	int ret = send_command(client, COMMAND_HAS_PARENT, id, 0, 0, NULL);

	if (!ret)
		ret = receive(client, &answer, sizeof(answer));
	if (!ret && answer != 0 && answer != 1)
		ret = -EPROTO;
	return ret ? ret : answer;
}

int image_page_client_open(struct image_page_client *client, uint64_t id)
{
	uint8_t answer = 0;
	int ret = send_command(client, COMMAND_OPEN, id, 0, 0, NULL);

	if (!ret)
		ret = receive(client, &answer, sizeof(answer));
	if (!ret && answer > 1)
		ret = -EPROTO;
	return ret ? ret : answer;
}

int image_page_client_add(struct image_page_client *client, uint64_t id, uint64_t vaddr,
			  uint64_t nr_pages, const void *bytes)
{
	return send_command(client, IMAGE_PAGES_PRESENT << FLAGS_SHIFT | COMMAND_ADD, id, vaddr,
			    nr_pages, bytes);
}

int image_page_client_add_in_parent(struct image_page_client *client, uint64_t id, uint64_t vaddr,
				    uint64_t nr_pages)
{
	return send_command(client, IMAGE_PAGES_IN_PARENT << FLAGS_SHIFT | COMMAND_ADD, id, vaddr,
			    nr_pages, NULL);
}

int image_page_client_finish(struct image_page_client *client)
{
	int32_t status = 0;
	int ret = send_command(client, COMMAND_CLOSE, 0, 0, 0, NULL);

	if (!ret)
		ret = receive(client, &status, sizeof(status));
	return ret ? ret : status ? -EREMOTEIO : 0;
}

void image_page_client_close(struct image_page_client *client)
{
	close(client->fd);
}
