// SPDX-License-Identifier: GPL-2.0-only
// A dumpee that works and times each piece of its work:
//	load compute|memory|churn MIB --status FILE
// compute: arithmetic in registers. memory: goes through 256 KiB somewhere in MIB MiB, adding to each word.
// churn: four threads that free and allocate blocks of 16 bytes to 256 KiB, MIB MiB in all, and
// fill each. FILE gets "ready PID" once; each SIGUSR1 ends a period and begins the next:
// "ok SECONDS OPERATIONS P50 P99 P99.9 MAX" of the one that ended, with latencies in us.
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "bench/latency.h"
#include "page.h"

#define CHUNK_BYTES   (256 << 10)
#define COMPUTE_STEPS 10000
#define CHURN_THREADS 4
#define SMALLEST_BITS 4
#define LARGEST_BITS  18
#define MEAN_BLOCK    ((1 << LARGEST_BITS) / 10)

struct worker {
	uint64_t random_state;
	uint64_t *memory;
	void **blocks;
	size_t nr_blocks;
	struct latency latency;
	uint64_t period;
};

static uint64_t size_bytes, sink;
static struct latency total;
static atomic_uint_fast64_t period;
static unsigned int nr_added;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t added = PTHREAD_COND_INITIALIZER;

static void compute(struct worker *worker)
{
	uint64_t sum = 0;

	for (int i = 0; i < COMPUTE_STEPS; i++)
		sum ^= page_random(&worker->random_state);
	sink += sum;
}

static void go_through_memory(struct worker *worker)
{
	uint64_t chunk = page_random(&worker->random_state) % (size_bytes / CHUNK_BYTES);
	uint64_t *words = worker->memory + chunk * CHUNK_BYTES / sizeof(*words);

	for (size_t i = 0; i < CHUNK_BYTES / sizeof(*words); i++)
		words[i] += i;
}

static void churn(struct worker *worker)
{
	uint64_t random = page_random(&worker->random_state);
	void **block = &worker->blocks[random % worker->nr_blocks];
	unsigned int bits = SMALLEST_BITS + (random >> 32) % (LARGEST_BITS - SMALLEST_BITS);
	size_t len = ((size_t)1 << bits) + (random >> 40) % ((size_t)1 << bits);

	free(*block);
	*block = malloc(len);
	if (!*block)
		exit(2);
	memset(*block, (int)random, len);
}

static const struct work {
	const char *name;
	void (*once)(struct worker *worker);
	unsigned int threads;
} works[] = {
	{ "compute", compute, 1 },
	{ "memory", go_through_memory, 1 },
	{ "churn", churn, CHURN_THREADS },
};

static const struct work *work;

static void add_to_total(struct worker *worker)
{
	pthread_mutex_lock(&lock);
	latency_add_all(&total, &worker->latency);
	nr_added++;
	pthread_cond_signal(&added);
	pthread_mutex_unlock(&lock);
	memset(&worker->latency, 0, sizeof(worker->latency));
}

static void *run(void *argument)
{
	struct worker *worker = argument;
	uint64_t before = latency_now_ns();

	for (;;) {
		uint64_t now, current = atomic_load_explicit(&period, memory_order_relaxed);

		work->once(worker);
		now = latency_now_ns();
		latency_add(&worker->latency, now - before);
		before = now;
		if (current == worker->period)
			continue;
		worker->period = current;
		add_to_total(worker);
		before = latency_now_ns();
	}
	return NULL;
}

static void start_workers(void)
{
	for (unsigned int i = 0; i < work->threads; i++) {
		struct worker *worker = page_map(sizeof(*worker));
		pthread_t thread;

		worker->random_state = i;
		worker->nr_blocks = size_bytes / work->threads / MEAN_BLOCK + 1;
		worker->blocks = page_map(worker->nr_blocks * sizeof(*worker->blocks));
		worker->memory = page_map(size_bytes);
		if (work->once == go_through_memory)
			memset(worker->memory, 1, size_bytes);
		for (size_t j = 0; work->once == churn && j < 4 * worker->nr_blocks; j++)
			churn(worker);
		if (pthread_create(&thread, NULL, run, worker))
			exit(2);
	}
}

static void end_period(const char *status, uint64_t *since_ns)
{
	char text[200];

	pthread_mutex_lock(&lock);
	memset(&total, 0, sizeof(total));
	nr_added = 0;
	atomic_fetch_add(&period, 1);
	while (nr_added < work->threads)
		pthread_cond_wait(&added, &lock);
	latency_print(&total, *since_ns, text, sizeof(text));
	*since_ns = latency_now_ns();
	pthread_mutex_unlock(&lock);
	status_append(status, text);
}

int main(int argc, char **argv)
{
	uint64_t since_ns = latency_now_ns();
	char text[32];
	sigset_t set;
	int number;

	for (size_t i = 0; argc == 5 && i < sizeof(works) / sizeof(works[0]); i++)
		work = strcmp(works[i].name, argv[1]) ? work : &works[i];
	if (!work || strcmp(argv[3], "--status")) {
		fputs("usage: load compute|memory|churn MIB --status FILE\n", stderr);
		return 2;
	}
	size_bytes = strtoull(argv[2], NULL, 10) << 20;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	start_workers();
	snprintf(text, sizeof(text), "ready %d", getpid());
	status_append(argv[4], text);
	while (!sigwait(&set, &number))
		end_period(argv[4], &since_ns);
	return 1;
}
