// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients of a redis-server on this machine, each of which waits for its answer:
 *	redis-load PORT SECONDS GETS SETS CLIENTS KEYS [SERIES]
 * GETS of GETS + SETS commands are GETs. The keys are those of DEBUG POPULATE KEYS key 1024. Prints
 * "ok SECONDS OPERATIONS P50 P99 P99.9 MAX" with latencies in us. SERIES gets a line for each
 * 20 ms: "MILLISECONDS OPERATIONS P50 MAX". An answer that is not the expected one ends it with 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/latency.h"

#define VALUE_BYTES 1024
#define CLIENTS_MAX 64
#define SLOT_NS     20000000ULL

struct client {
	uint64_t sent_ns;
	size_t expected, got;
	char first; /* of the answer */
};

static struct pollfd sockets[CLIENTS_MAX];
static struct client clients[CLIENTS_MAX];
static unsigned int nr_clients, gets, sets;
static unsigned long keys;
static struct latency all, slot;

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "redis-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		fail("connect");
	return fd;
}

static size_t print_command(char *text, size_t len_bytes, bool get)
{
	static char value[VALUE_BYTES + 1];
	char key[32];
	int key_len = snprintf(key, sizeof(key), "key:%lu", (unsigned long)random() % keys);

	if (get)
		return (size_t)snprintf(text, len_bytes, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n",
					key_len, key);
	memset(value, 'a' + (int)(random() % 26), VALUE_BYTES);
	return (size_t)snprintf(text, len_bytes, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n",
				key_len, key, VALUE_BYTES, value);
}

static void send_command(unsigned int i)
{
	bool get = (unsigned long)random() % (gets + sets) < gets;
	char text[VALUE_BYTES + 128];
	size_t len = print_command(text, sizeof(text), get);

	clients[i] = (struct client){
		.sent_ns = latency_now_ns(),
		.expected = get ? strlen("$1024\r\n") + VALUE_BYTES + 2 : strlen("+OK\r\n"),
		.first = get ? '$' : '+',
	};
	if (write(sockets[i].fd, text, len) != (ssize_t)len)
		fail("write");
}

static void receive(unsigned int i)
{
	char text[2 * VALUE_BYTES];
	ssize_t got = read(sockets[i].fd, text, sizeof(text));
	uint64_t took;

	if (got <= 0 || (!clients[i].got && text[0] != clients[i].first))
		fail("not the expected answer");
	clients[i].got += (size_t)got;
	if (clients[i].got > clients[i].expected)
		fail("too long an answer");
	if (clients[i].got < clients[i].expected)
		return;
	took = latency_now_ns() - clients[i].sent_ns;
	latency_add(&all, took);
	latency_add(&slot, took);
	send_command(i);
}

static void print_slot(FILE *series, uint64_t ms)
{
	fprintf(series, "%llu %llu %.1f %.1f\n", (unsigned long long)ms,
		(unsigned long long)slot.count, latency_us(&slot, 0.5),
		(double)slot.longest_ns / 1e3);
	memset(&slot, 0, sizeof(slot));
}

static void work(uint64_t start, uint64_t end, FILE *series)
{
	uint64_t slot_end = start + SLOT_NS;

	for (unsigned int i = 0; i < nr_clients; i++)
		send_command(i);
	for (uint64_t now = start; now < end; now = latency_now_ns()) {
		if (poll(sockets, nr_clients, 1000) < 0)
			fail("poll");
		for (unsigned int i = 0; i < nr_clients; i++) {
			if (sockets[i].revents)
				receive(i);
		}
		now = latency_now_ns();
		if (series && now >= slot_end) {
			print_slot(series, (now - start) / 1000000);
			slot_end = now + SLOT_NS;
		}
	}
}

int main(int argc, char **argv)
{
	FILE *series = NULL;
	uint64_t start;
	char text[200];

	if (argc < 7 || argc > 8 || strtoul(argv[5], NULL, 10) > CLIENTS_MAX) {
		fputs("usage: redis-load PORT SECONDS GETS SETS CLIENTS KEYS [SERIES]\n", stderr);
		return 2;
	}
	gets = (unsigned int)strtoul(argv[3], NULL, 10);
	sets = (unsigned int)strtoul(argv[4], NULL, 10);
	nr_clients = (unsigned int)strtoul(argv[5], NULL, 10);
	keys = strtoul(argv[6], NULL, 10);
	if (argc == 8 && !(series = fopen(argv[7], "we")))
		fail(argv[7]);
	for (unsigned int i = 0; i < nr_clients; i++)
		sockets[i] = (struct pollfd){ .fd = connect_to((uint16_t)atoi(argv[1])),
					      .events = POLLIN };
	start = latency_now_ns();
	work(start, start + (uint64_t)(strtod(argv[2], NULL) * 1e9), series);
	latency_print(&all, start, text, sizeof(text));
	puts(text);
	return 0;
}
