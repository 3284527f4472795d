// SPDX-License-Identifier: GPL-2.0-only
// A self-checking dumpee that is a tree (see page.h for the memory):
//	tree [PROCESSES [THREADS [ARENA_KIB]]] --status FILE [--rate N]
// PROCESSES workers (the root is one) have THREADS threads, each with an arena of its own that it
// rewrites all the time, N pages a second. One more process, the churn, keeps forking children:
// some exit at once, some verify and rewrite the arena they inherited, some exec themselves, and
// some of either sort live on. FILE gets "ready PID" once. After each SIGUSR1 to the root every
// process verifies all that it has and FILE gets "ok PID PAGES" from each and then "done COUNT"
// from the root; wrong memory gives "BAD ..." and "failed" and ends the process that saw it.
// Everybody dies with its parent. The table in which the processes meet is a memfd, so that
// children find it again after exec.
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "page.h"

#define MAX_PROCESSES     500
#define MAX_THREADS       64
#define MAX_LIVING        6
#define MAX_SHORT         4
#define MAX_SLOTS         (MAX_PROCESSES + 1 + MAX_LIVING + MAX_SHORT)
#define TICK_MS           20
#define CHURN_MS          10
#define CHILD_ARENA_PAGES 64
#define SHORT_LIFE_TICKS  3

struct slot {
	_Atomic pid_t pid;       /* 0: free */
	_Atomic uint32_t seen;   /* the last report this process took part in */
	_Atomic uint64_t checks; /* pages verified in that report */
};

struct table {
	_Atomic uint32_t report;
	_Atomic uint32_t bad;
	_Atomic uint32_t ready; /* workers that have filled their arenas */
	uint64_t pages_a_tick;
	char status[256];
	struct slot slots[MAX_SLOTS];
};

struct worker_thread {
	struct arena arena;
	_Atomic uint32_t seen;
};

static struct table *table;
static struct slot *own_slot;
static struct worker_thread threads[MAX_THREADS];
static unsigned int nr_processes = 20, nr_threads = 8, arena_pages = 256;
static int table_fd;

static void pause_ms(long ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static _Noreturn void die_bad(const char *text)
{
	char line[320];

	snprintf(line, sizeof(line), "%s pid %d", text, getpid());
	table->bad = 1;
	status_append(table->status, line);
	_exit(1);
}

static void rewrite_some(struct arena *arena, uint64_t count)
{
	char text[256];

	while (count--) {
		if (!arena_rewrite(arena, page_random(&arena->random_state) % arena->nr_pages, text,
				   sizeof(text)))
			die_bad(text);
	}
}

static void verify_all(const struct arena *arena)
{
	char text[256];

	if (!arena_verify(arena, text, sizeof(text)))
		die_bad(text);
}

static void acknowledge(uint32_t report, uint64_t pages)
{
	char line[64];

	snprintf(line, sizeof(line), "ok %d %llu", getpid(), (unsigned long long)pages);
	status_append(table->status, line);
	own_slot->checks = pages;
	own_slot->seen = report;
}

static void *thread_main(void *argument)
{
	struct worker_thread *self = argument;

	for (;;) {
		uint32_t report = table->report;

		if (self->seen != report) {
			verify_all(&self->arena);
			self->seen = report;
		}
		rewrite_some(&self->arena, table->pages_a_tick);
		pause_ms(TICK_MS);
	}
	return NULL;
}

static void start_threads(unsigned int process)
{
	for (unsigned int i = 0; i < nr_threads; i++) {
		pthread_t thread;

		arena_create(&threads[i].arena, arena_pages, process * MAX_THREADS + i, -1);
		if (pthread_create(&thread, NULL, thread_main, &threads[i])) {
			perror("pthread_create");
			exit(2);
		}
	}
	table->ready++;
}

static void wait_for_threads(uint32_t report)
{
	for (unsigned int i = 0; i < nr_threads; i++) {
		while (threads[i].seen != report)
			pause_ms(1);
	}
}

static void take_part(uint32_t report)
{
	wait_for_threads(report);
	acknowledge(report, (uint64_t)nr_threads * arena_pages);
}

static int wait_signal(long timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &timeout);
}

/* PR_SET_PDEATHSIG does not see a parent that was gone before; hence the second look. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static pid_t fork_into(struct slot *slot)
{
	pid_t parent = getpid(), pid;

	slot->seen = table->report;
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid) {
		slot->pid = pid;
		return pid;
	}
	die_with(parent);
	own_slot = slot;
	return 0;
}

/* A single-threaded process with one arena. lifetime is in ticks, 0: for ever. */
static _Noreturn void live(struct arena *arena, unsigned long lifetime)
{
	for (unsigned long tick = 0; !lifetime || tick < lifetime; tick++) {
		rewrite_some(arena, table->pages_a_tick);
		if (wait_signal(TICK_MS) == SIGUSR1) {
			uint32_t report = table->report;

			verify_all(arena);
			acknowledge(report, arena->nr_pages);
		}
	}
	verify_all(arena);
	_exit(0);
}

static _Noreturn void exec_self(unsigned long lifetime)
{
	char fd[24], slot[24], life[24], parent[24];
	char *argv[] = { "tree", "--child", fd, slot, life, parent, NULL };

	snprintf(fd, sizeof(fd), "%d", table_fd);
	snprintf(slot, sizeof(slot), "%td", own_slot - table->slots);
	snprintf(life, sizeof(life), "%lu", lifetime);
	snprintf(parent, sizeof(parent), "%d", getppid());
	execv("/proc/self/exe", argv);
	perror("exec");
	_exit(2);
}

static void map_table(int fd)
{
	table_fd = fd;
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
}

static _Noreturn void child_main(char **argv)
{
	static struct arena arena;

	map_table(atoi(argv[2]));
	own_slot = &table->slots[atoi(argv[3])];
	die_with(atoi(argv[5]));
	arena_create(&arena, CHILD_ARENA_PAGES, (uint64_t)getpid(), -1);
	live(&arena, strtoul(argv[4], NULL, 10));
}

static _Noreturn void churn_child(struct arena *inherited, unsigned int kind, bool lives_on)
{
	unsigned long lifetime = lives_on ? 0 : SHORT_LIFE_TICKS;

	if (kind == 0 && !lives_on)
		_exit(0);
	if (kind == 1)
		exec_self(lifetime);
	verify_all(inherited);
	live(inherited, lifetime);
}

static struct slot *find_free(struct slot *slots, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!slots[i].pid)
			return &slots[i];
	}
	return NULL;
}

static void reap(struct slot *slots, unsigned int count)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < count; i++) {
			if (slots[i].pid == pid)
				slots[i].pid = 0;
		}
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			die_bad("BAD child");
	}
}

/* Forks the children that live on first, one of either sort in turn, then short-lived ones. */
static _Noreturn void churn_main(struct slot *slots)
{
	static struct arena arena;
	unsigned int living = 0, turn = 0;

	arena_create(&arena, CHILD_ARENA_PAGES, (uint64_t)getpid(), -1);
	table->ready++;
	for (;; turn++) {
		bool lives_on = living < MAX_LIVING;
		struct slot *slot = lives_on ? &slots[living] :
					       find_free(slots + MAX_LIVING, MAX_SHORT);

		if (slot && !fork_into(slot))
			churn_child(&arena, lives_on ? turn % 2 : turn % 3, lives_on);
		living += lives_on;
		rewrite_some(&arena, table->pages_a_tick);
		if (wait_signal(CHURN_MS) == SIGUSR1) {
			uint32_t report = table->report;

			verify_all(&arena);
			acknowledge(report, arena.nr_pages);
		}
		reap(slots, MAX_LIVING + MAX_SHORT);
	}
}

static _Noreturn void worker_main(unsigned int process)
{
	start_threads(process);
	for (;;) {
		if (wait_signal(1000) == SIGUSR1)
			take_part(table->report);
	}
}

/* True when a process that was asked has answered, or is gone. */
static bool is_settled(const struct slot *slot, pid_t pid, uint32_t report)
{
	return slot->pid != pid || slot->seen == report || (kill(pid, 0) && errno == ESRCH);
}

static void report_tree(void)
{
	static pid_t asked[MAX_SLOTS];
	uint32_t report = ++table->report;
	unsigned int count = 1;
	char line[32];

	for (unsigned int i = 1; i < MAX_SLOTS; i++) {
		asked[i] = table->slots[i].pid;
		if (asked[i] && kill(asked[i], SIGUSR1))
			asked[i] = 0;
	}
	take_part(report);
	for (unsigned int i = 1; i < MAX_SLOTS; i++) {
		const struct slot *slot = &table->slots[i];

		while (asked[i] && !is_settled(slot, asked[i], report) && !table->bad)
			pause_ms(1);
		count += asked[i] && slot->pid == asked[i] && slot->seen == report;
	}
	snprintf(line, sizeof(line), "done %u", count);
	status_append(table->status, table->bad ? "failed" : line);
}

/* A dead worker is a failure; SIGCHLD is not used, the root looks once a second. */
static _Noreturn void root_main(void)
{
	char line[32];

	for (unsigned int i = 1; i < nr_processes; i++) {
		if (!fork_into(&table->slots[i]))
			worker_main(i);
	}
	if (!fork_into(&table->slots[nr_processes]))
		churn_main(&table->slots[nr_processes + 1]);
	start_threads(0);
	while (table->ready < nr_processes + 1)
		pause_ms(1);
	snprintf(line, sizeof(line), "ready %d", getpid());
	status_append(table->status, line);
	for (;;) {
		int status;

		if (wait_signal(1000) == SIGUSR1)
			report_tree();
		if (waitpid(-1, &status, WNOHANG) > 0)
			die_bad("BAD worker");
	}
}

static const struct option long_options[] = {
	{ "status", required_argument, NULL, 's' },
	{ "rate", required_argument, NULL, 'r' },
	{ 0 },
};

static void usage(void)
{
	fputs("usage: tree [PROCESSES [THREADS [ARENA_KIB]]] --status FILE [--rate N]\n", stderr);
	exit(2);
}

static unsigned int parse_count(const char *text, unsigned int max)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value < 1 || value > max)
		usage();
	return (unsigned int)value;
}

static void create_table(const char *status, unsigned long rate)
{
	int fd = memfd_create("tree-table", 0); /* kept over exec on purpose */

	if (fd < 0 || ftruncate(fd, sizeof(struct table))) {
		perror("memfd_create");
		exit(2);
	}
	map_table(fd);
	table->pages_a_tick = rate * TICK_MS / 1000 ? rate * TICK_MS / 1000 : 1;
	snprintf(table->status, sizeof(table->status), "%s", status);
}

static void parse_options(int argc, char **argv)
{
	const char *status = NULL;
	unsigned long rate = 200;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 's')
			status = optarg;
		else if (option == 'r')
			rate = strtoul(optarg, NULL, 10);
		else
			usage();
	}
	if (!status || strlen(status) >= sizeof(table->status) || argc - optind > 3)
		usage();
	if (optind < argc)
		nr_processes = parse_count(argv[optind], MAX_PROCESSES);
	if (optind + 1 < argc)
		nr_threads = parse_count(argv[optind + 1], MAX_THREADS);
	if (optind + 2 < argc)
		arena_pages = parse_count(argv[optind + 2], 1 << 20) * 1024U / PAGE_BYTES;
	create_table(status, rate);
}

int main(int argc, char **argv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (argc == 6 && !strcmp(argv[1], "--child"))
		child_main(argv);
	parse_options(argc, argv);
	own_slot = &table->slots[0];
	own_slot->pid = getpid();
	root_main();
}
