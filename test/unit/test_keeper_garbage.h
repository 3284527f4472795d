/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that no client of ours sends, for test_keeper.c; needs test_keeper_world.h before it. */
#ifndef LAZY_WP_TEST_KEEPER_GARBAGE_H
#define LAZY_WP_TEST_KEEPER_GARBAGE_H

#define GARBAGE_PACKETS 2000
#define GARBAGE_MAX     70000

/* A connection without a client's manners. */
static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_closedir DIR *dir = opendir(directory);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".sock"))
			snprintf(address.sun_path, sizeof(address.sun_path), "%s/%.60s", directory,
				 entry->d_name);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* False: the keeper has closed the connection. */
static bool send_raw(int socket, const uint8_t *bytes, size_t len, const int *fds, size_t nr_fds)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr_fds) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		*CMSG_FIRSTHDR(&message) =
			(struct cmsghdr){ .cmsg_len = CMSG_LEN(nr_fds * sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, nr_fds * sizeof(int));
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0)
		return true;
	assert_true(errno == EPIPE || errno == ECONNRESET);
	return false;
}

/* Random bytes, or the beginning of a request for a task that does not exist. */
static size_t make_garbage(uint8_t *bytes, unsigned int *seed)
{
	LwpKeeperRequest request = LWP_KEEPER_REQUEST__INIT;
	size_t len = rand_r(seed) % (GARBAGE_MAX + 1);

	if (rand_r(seed) % 2) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = rand_r(seed);
		return len;
	}
	request.version = KEEPER_PROTOCOL_VERSION;
	request.kind = LWP_KEEPER_KIND__LWP_KEEPER_ADD_TASK;
	request.has_pid = request.has_start_time = true;
	request.pid = UINT32_MAX;
	request.tracker = "a tracker with a name that is longer than any";
	return rand_r(seed) % (lwp_keeper_request__pack(&request, bytes) + 1);
}

/* Returns the number of connections that the keeper closed on us. */
static int pour_garbage(void)
{
	static uint8_t bytes[GARBAGE_MAX];
	unsigned int seed = SEED;
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int fds[4] = { null, null, null, null };
	int socket = connect_raw(), closed = 0;

	for (int i = 0; i < GARBAGE_PACKETS; i++) {
		size_t len = make_garbage(bytes, &seed);

		if (send_raw(socket, bytes, len, fds, rand_r(&seed) % 5))
			continue;
		close(socket);
		socket = connect_raw();
		closed++;
	}
	close(socket);
	return closed;
}

#endif
