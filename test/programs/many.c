// SPDX-License-Identifier: GPL-2.0-only
// A dumpee of many parts that only waits:
//	many PROCESSES THREADS MAPPINGS PAGES --status FILE
// So many processes, the root among them, each with so many threads and so many mappings that the
// kernel cannot merge, each of these with so many pages of data. FILE gets "ready PID" once.
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "page.h"

struct shape {
	uint64_t processes, threads, mappings, pages;
};

static atomic_uint_fast64_t *nr_ready;

static void *wait_forever(void *unused)
{
	while (!unused)
		pause();
	return unused;
}

/* Every other one is read-only in the end. */
static void make_mappings(const struct shape *shape)
{
	size_t len = shape->pages * PAGE_BYTES;
	uint8_t *memory = page_map(shape->mappings * len);

	for (uint64_t i = 0; i < shape->mappings * shape->pages; i++)
		memset(memory + i * PAGE_BYTES, (int)(i % 255) + 1, PAGE_BYTES);
	for (uint64_t i = 1; i < shape->mappings; i += 2) {
		if (mprotect(memory + i * len, len, PROT_READ)) {
			perror("mprotect");
			exit(2);
		}
	}
}

static void live(const struct shape *shape)
{
	pthread_t thread;

	make_mappings(shape);
	for (uint64_t i = 1; i < shape->threads; i++) {
		if (pthread_create(&thread, NULL, wait_forever, NULL))
			exit(2);
	}
	atomic_fetch_add(nr_ready, 1);
}

/* They die with their parent. */
static void start_children(const struct shape *shape)
{
	for (uint64_t i = 1; i < shape->processes; i++) {
		pid_t child = fork();

		if (child < 0)
			exit(2);
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			live(shape);
			wait_forever(NULL);
		}
	}
}

int main(int argc, char **argv)
{
	struct shape shape;
	char line[64];

	if (argc != 7 || strcmp(argv[5], "--status")) {
		fputs("usage: many PROCESSES THREADS MAPPINGS PAGES --status FILE\n", stderr);
		return 2;
	}
	shape.processes = strtoull(argv[1], NULL, 10);
	shape.threads = strtoull(argv[2], NULL, 10);
	shape.mappings = strtoull(argv[3], NULL, 10);
	shape.pages = strtoull(argv[4], NULL, 10);
	nr_ready = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	if (nr_ready == MAP_FAILED)
		return 2;
	start_children(&shape);
	live(&shape);
	while (atomic_load(nr_ready) != shape.processes)
		usleep(1000);
	snprintf(line, sizeof(line), "ready %d", getpid());
	status_append(argv[6], line);
	wait_forever(NULL);
}
