// SPDX-License-Identifier: GPL-2.0-only
// A self-checking dumpee (see page.h) that rewrites pages of a hot set all the time:
//	hot SIZE_MIB HOT_PERCENT [SEED] --status FILE [--rate N] [--thp|--nothp] [--mte] [--save FILE]
//		[--aio]
// FILE gets "ready PID" once; after each SIGUSR1 every page is verified and FILE gets
// "ok PAGES REWRITES stall_us MICROSECONDS" (the longest pause since the last report). A wrong
// page, found then or before its rewrite, gives a "BAD ..." line and exit status 1.
// --mte: the pages have tags, which the processor compares with those of pointers (arm64).
// --save: each SIGUSR2 makes it fork, and the child write its pages to that file; then "saved".
// --aio: each SIGWINCH makes an AIO context.
// --rate is in pages a second (default 20000, 0: as fast as possible).
#include <errno.h>
#include <getopt.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "page.h"

#define MAX_SIZE_MIB   (1 << 20)
#define TICKS_A_SECOND 1000
#define NS_A_SECOND    1000000000ULL

struct options {
	uint64_t nr_pages, nr_hot;
	uint64_t seed;
	uint64_t rate;
	int advice;
	bool mte, aio;
	const char *status, *save;
};

struct pace {
	uint64_t pages_a_tick;
	struct timespec pause;
	uint64_t last_ns, longest_ns;
};

static const struct option long_options[] = {
	{ "status", required_argument, NULL, 's' }, { "rate", required_argument, NULL, 'r' },
	{ "thp", no_argument, NULL, 't' },          { "nothp", no_argument, NULL, 'n' },
	{ "mte", no_argument, NULL, 'm' },          { "save", required_argument, NULL, 'f' },
	{ "aio", no_argument, NULL, 'a' },          { 0 },
};

static void usage(void)
{
	fputs("usage: hot SIZE_MIB HOT_PERCENT [SEED] --status FILE [--rate N] [--thp|--nothp] "
	      "[--mte] [--save FILE] [--aio]\n",
	      stderr);
	exit(2);
}

static void parse_positional(struct options *options, int count, char **values)
{
	unsigned long size_mib;
	double percent;

	if (count < 2 || count > 3 || !options->status)
		usage();
	size_mib = strtoul(values[0], NULL, 10);
	percent = strtod(values[1], NULL);
	if (size_mib < 1 || size_mib > MAX_SIZE_MIB || percent <= 0 || percent > 100)
		usage();
	options->nr_pages = size_mib * ((1 << 20) / PAGE_BYTES);
	options->nr_hot = (uint64_t)((double)options->nr_pages * percent / 100);
	if (!options->nr_hot)
		options->nr_hot = 1;
	options->seed = count == 3 ? strtoull(values[2], NULL, 10) : 1;
}

static void parse_options(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){ .rate = 20000, .advice = -1 };
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options->status = optarg;
			break;
		case 'r':
			options->rate = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options->advice = MADV_HUGEPAGE;
			break;
		case 'n':
			options->advice = MADV_NOHUGEPAGE;
			break;
		case 'm':
			options->mte = true;
			break;
		case 'f':
			options->save = optarg;
			break;
		case 'a':
			options->aio = true;
			break;
		default:
			usage();
		}
	}
	parse_positional(options, argc - optind, argv + optind);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_A_SECOND + (uint64_t)now.tv_nsec;
}

static void pace_start(struct pace *pace, uint64_t rate)
{
	*pace = (struct pace){ .pages_a_tick = 64, .last_ns = now_ns() };
	if (!rate)
		return;
	pace->pages_a_tick = rate < TICKS_A_SECOND ? 1 : rate / TICKS_A_SECOND;
	pace->pause.tv_sec = (time_t)(pace->pages_a_tick / rate);
	pace->pause.tv_nsec = (long)(NS_A_SECOND * (pace->pages_a_tick % rate) / rate);
}

static void pace_measure(struct pace *pace)
{
	uint64_t now = now_ns();

	if (now - pace->last_ns > pace->longest_ns)
		pace->longest_ns = now - pace->last_ns;
	pace->last_ns = now;
}

static void fail(const struct options *options, const char *text)
{
	status_append(options->status, text);
	exit(1);
}

/* Hot pages are spread evenly, so that each huge page has some: one tracked page, one copied. */
static void rewrite_some(const struct options *options, struct arena *arena, uint64_t count)
{
	char text[256];

	while (count--) {
		uint64_t hot = page_random(&arena->random_state) % options->nr_hot;

		if (!arena_rewrite(arena, hot * options->nr_pages / options->nr_hot, text,
				   sizeof(text)))
			fail(options, text);
	}
}

#ifdef __aarch64__
#define MTE_PROT 0x20 /* PROT_MTE */
#define MTE_CONTROL \
	(1UL | 1UL << 1 | 0xfffeUL << 3) /* addresses with tags, faults, any tag but 0 */
#define MTE_GRANULE 16
#define MTE_TAG     (5ULL << 56)

static void give_tags(struct arena *arena)
{
	uint64_t bytes = arena->nr_pages * PAGE_BYTES, start = (uintptr_t)arena->pages | MTE_TAG;

	if (prctl(PR_SET_TAGGED_ADDR_CTRL, MTE_CONTROL, 0, 0, 0) ||
	    mprotect(arena->pages, bytes, PROT_READ | PROT_WRITE | MTE_PROT)) {
		perror("PROT_MTE");
		exit(2);
	}
	for (uint64_t address = start; address < start + bytes; address += MTE_GRANULE)
		__asm__ volatile(".arch armv8.5-a+memtag\n\tstg %0, [%0]"
				 :
				 : "r"(address)
				 : "memory");
	arena->pages = (struct page *)start;
}
#else
static void give_tags(struct arena *arena)
{
	(void)arena;
	fputs("no tags on this architecture\n", stderr);
	exit(2);
}
#endif

static void report(const struct options *options, const struct arena *arena, struct pace *pace)
{
	char text[256];

	if (!arena_verify(arena, text, sizeof(text)))
		fail(options, text);
	snprintf(text, sizeof(text), "ok %llu %llu stall_us %llu",
		 (unsigned long long)arena->nr_pages, (unsigned long long)arena->rewrites,
		 (unsigned long long)pace->longest_ns / 1000);
	status_append(options->status, text);
	pace->longest_ns = 0;
	pace->last_ns = now_ns(); /* the verification is not a stall */
}

static bool write_pages(int fd, const struct arena *arena)
{
	const uint8_t *from = (const uint8_t *)arena->pages;
	size_t left = arena->nr_pages * PAGE_BYTES;

	while (left) {
		ssize_t written = write(fd, from, left);

		if (written <= 0)
			return false;
		from += written;
		left -= (size_t)written;
	}
	return !fsync(fd);
}

/* As a program does that knows nothing of checkpoints. Nobody waits for the child. */
static void save(const struct options *options, const struct arena *arena)
{
	int fd;

	if (!options->save || fork())
		return;
	fd = open(options->save, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	status_append(options->status,
		      fd >= 0 && write_pages(fd, arena) ? "saved" : "BAD: cannot save");
	_exit(0);
}

static void make_aio_context(int signal)
{
	aio_context_t context = 0;

	(void)signal;
	syscall(SYS_io_setup, 1, &context);
}

int main(int argc, char **argv)
{
	static struct arena arena;
	struct options options;
	struct pace pace;
	char text[32];
	sigset_t set;

	parse_options(&options, argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (options.save) {
		sigaddset(&set, SIGUSR2);
		signal(SIGCHLD, SIG_IGN);
	}
	if (options.aio)
		signal(SIGWINCH, make_aio_context);
	sigprocmask(SIG_BLOCK, &set, NULL);
	arena_create(&arena, options.nr_pages, options.seed, options.advice);
	if (options.mte)
		give_tags(&arena);
	snprintf(text, sizeof(text), "ready %d", getpid());
	status_append(options.status, text);
	pace_start(&pace, options.rate);
	for (;;) {
		int number;

		rewrite_some(&options, &arena, pace.pages_a_tick);
		number = sigtimedwait(&set, NULL, &pace.pause);
		if (number == SIGUSR1)
			report(&options, &arena, &pace);
		else if (number == SIGUSR2)
			save(&options, &arena);
		pace_measure(&pace);
	}
}
