// SPDX-License-Identifier: GPL-2.0-only
/* What is sent to a page server, in both lengths of commands, and what its answers mean. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/pages.h"
#include "util/cleanup.h"

#define ID UINT64_C(0x123456789)

/* A server that reads so many bytes, answers, and ends, unless it is to read on. */
struct server {
	int listener;
	uint16_t port;
	pthread_t thread;
	uint8_t received[5 << 20]; /* 64 pages of 64 KiB and a command fit */
	size_t wanted, nr;
	uint8_t answer[8];
	size_t answer_len;
	bool reads_on;
};

static struct server server;
static size_t page;
static int dir;
static char dir_name[] = "/tmp/lazy-wp-client.XXXXXX";

static void *serve(void *unused)
{
	int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
	uint8_t more[4096];
	ssize_t done;

	(void)unused;
	while (server.nr < server.wanted &&
	       (done = read(fd, server.received + server.nr, server.wanted - server.nr)) > 0)
		server.nr += (size_t)done;
	if (server.answer_len && write(fd, server.answer, server.answer_len) < 0)
		server.nr = 0;
	while (server.reads_on && read(fd, more, sizeof(more)) > 0)
		;
	close(fd);
	return NULL;
}

static struct image_page_client connect_to_server(size_t command_bytes, size_t wanted,
						  const void *answer, size_t answer_len)
{
	struct image_page_client client;

	server.wanted = wanted;
	server.nr = 0;
	server.answer_len = answer_len;
	if (answer_len)
		memcpy(server.answer, answer, answer_len);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
	assert_int_equal(image_page_client_connect("127.0.0.1", server.port, command_bytes,
						   &client),
			 0);
	return client;
}

static void end(struct image_page_client *client)
{
	image_page_client_close(client);
	pthread_join(server.thread, NULL);
	assert_int_equal(server.nr, server.wanted);
}

static uint64_t word(size_t offset, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, server.received + offset, len);
	return value;
}

static void expect_command(size_t bytes, uint32_t command, uint64_t nr_pages, uint64_t vaddr,
			   uint64_t destination)
{
	bool wide = bytes == IMAGE_PAGE_COMMAND_WIDE;

	assert_int_equal(word(0, 4), command);
	assert_int_equal(wide ? word(8, 8) : word(4, 4), nr_pages);
	assert_int_equal(word(wide ? 16 : 8, 8), vaddr);
	assert_int_equal(word(wide ? 24 : 16, 8), destination);
}

static void sends(size_t bytes)
{
	uint8_t *memory = malloc(64 * page), yes = 1, no = 0;
	int32_t has = 1, written = 0;
	struct image_page_client client = connect_to_server(bytes, bytes, &yes, 1);

	memset(memory, 'm', 64 * page);
	assert_int_equal(image_page_client_open(&client, ID), 1);
	end(&client);
	expect_command(bytes, 4, 0, 0, ID << 8 | 1);

	client = connect_to_server(bytes, bytes, &no, 1);
	assert_int_equal(image_page_client_open(&client, ID), 0);
	end(&client);

	client = connect_to_server(bytes, bytes, &has, sizeof(has));
	assert_int_equal(image_page_client_parent_has(&client, ID), 1);
	end(&client);
	expect_command(bytes, 5, 0, 0, ID << 8 | 1);

	client = connect_to_server(bytes, bytes + 64 * page, NULL, 0);
	assert_int_equal(image_page_client_add(&client, ID, 0x7000, 64, memory), 0);
	end(&client);
	expect_command(bytes, 4 << 16 | 6, 64, 0x7000, ID << 8 | 1);
	assert_memory_equal(server.received + bytes, memory, 64 * page);

	client = connect_to_server(bytes, bytes, NULL, 0);
	assert_int_equal(image_page_client_add_in_parent(&client, ID, 0x7000, 9), 0);
	end(&client);
	expect_command(bytes, 1 << 16 | 6, 9, 0x7000, ID << 8 | 1);

	client = connect_to_server(bytes, bytes, &written, sizeof(written));
	assert_int_equal(image_page_client_finish(&client), 0);
	end(&client);
	assert_int_equal(word(0, 4), 0x1023);
	free(memory);
}

static void test_sends(void **state)
{
	(void)state;
	sends(IMAGE_PAGE_COMMAND_OLD);
	sends(IMAGE_PAGE_COMMAND_WIDE);
}

static void test_bad_answers(void **state)
{
	const size_t bytes = IMAGE_PAGE_COMMAND_WIDE;
	int32_t bad = -1, two = 2;
	struct image_page_client client = connect_to_server(bytes, bytes, &bad, sizeof(bad));

	(void)state;
	assert_int_equal(image_page_client_finish(&client), -EREMOTEIO);
	end(&client);
	client = connect_to_server(bytes, bytes, &two, sizeof(two));
	assert_int_equal(image_page_client_parent_has(&client, ID), -EPROTO);
	end(&client);
	client = connect_to_server(bytes, bytes, &two, 1);
	assert_int_equal(image_page_client_open(&client, ID), -EPROTO);
	end(&client);
	client = connect_to_server(bytes, bytes, &bad, 3);
	assert_int_equal(image_page_client_parent_has(&client, ID), -ECONNRESET);
	end(&client);
}

/* It ends after the first command: no signal, and an error at last. */
static void test_server_ends(void **state)
{
	uint8_t *memory = calloc(1, page);
	struct image_page_client client = connect_to_server(IMAGE_PAGE_COMMAND_OLD, 1, NULL, 0);
	int ret = 0;

	(void)state;
	for (int i = 0; i < 100000 && !ret; i++)
		ret = image_page_client_add(&client, ID, 0x1000, 1, memory);
	assert_true(ret == -EPIPE || ret == -ECONNRESET);
	end(&client);
	free(memory);
}

static void test_no_server(void **state)
{
	struct image_page_client client;
	struct server other = server;

	(void)state;
	close(server.listener);
	assert_int_equal(image_page_client_connect("127.0.0.1", other.port, IMAGE_PAGE_COMMAND_OLD,
						   &client),
			 -ECONNREFUSED);
	assert_int_equal(image_page_client_connect("no such name", 1, IMAGE_PAGE_COMMAND_OLD,
						   &client),
			 -EADDRNOTAVAIL);
}

static void test_opening(void **state)
{
	uint32_t words[8] = { 4 };

	(void)state;
	assert_true(image_page_client_is_opening(words, IMAGE_PAGE_COMMAND_OLD));
	assert_true(image_page_client_is_opening(words, IMAGE_PAGE_COMMAND_WIDE));
	assert_false(image_page_client_is_opening(words, 28));
	words[0] = 5;
	assert_true(image_page_client_is_opening(words, IMAGE_PAGE_COMMAND_OLD));
	words[0] = 4 << 16 | 6;
	assert_false(image_page_client_is_opening(words, IMAGE_PAGE_COMMAND_OLD));
}

/* The record that stays here says what the server got; without a parent there nothing is in it. */
static void test_record(void **state)
{
	const size_t bytes = IMAGE_PAGE_COMMAND_WIDE;
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	uint8_t yes = 1, no = 0, *memory = calloc(2, page);
	auto_image_pages struct image_pages pages = { 0 };
	struct image_page_client client = connect_to_server(bytes, bytes, &no, 1);

	(void)state;
	assert_int_equal(image_pages_open_remote(&pages, dir, 7, &client), 0);
	assert_int_equal(image_pages_add_in_parent(&pages, page, 1), -ENODATA);
	end(&client);
	image_pages_abandon(&pages);

	server.reads_on = true;
	client = connect_to_server(bytes, bytes, &yes, 1);
	assert_int_equal(image_pages_open_remote(&pages, dir, 7, &client), 0);
	assert_int_equal(image_pages_add(&pages, page, 2, memory), 0);
	assert_int_equal(image_pages_add_in_parent(&pages, 5 * page, 3), 0);
	assert_int_equal(image_pages_add(&pages, 6 * page, 1, memory), -EINVAL);
	assert_int_equal(image_pages_commit(&pages), 0);
	end(&client);
	server.reads_on = false;
	assert_int_equal(image_pagemap_load_remote(dir, 7, &pagemap, NULL), 0);
	assert_int_equal(image_pagemap_load(dir, 7, &pagemap, NULL), -ENOENT);
	assert_int_equal(pagemap.nr, 2);
	assert_int_equal(pagemap.nr_present_pages, 2);
	assert_true(range_set_contains(&pagemap.cover, page, 3 * page));
	assert_true(range_set_contains(&pagemap.cover, 5 * page, 8 * page));
	free(memory);
}

static int set_up(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.listener, (struct sockaddr *)&address, len) || listen(server.listener, 1) ||
	    getsockname(server.listener, (struct sockaddr *)&address, &len) || !mkdtemp(dir_name))
		return -1;
	server.port = ntohs(address.sin_port);
	dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlinkat(dir, "lazy-wp-pagemap-7.img", 0);
	close(dir);
	return rmdir(dir_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sends),       cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_server_ends), cmocka_unit_test(test_opening),
		cmocka_unit_test(test_record),      cmocka_unit_test(test_no_server),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
