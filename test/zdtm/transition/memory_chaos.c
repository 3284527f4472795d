// SPDX-License-Identifier: GPL-2.0-only
/* The root of the workers: starts them, replays what they did, and compares every page. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "chaos/chaos.h"
#include "zdtmtst.h"

#define WORDS_SHOWN 4

const char *test_doc = "Random operations on memory end in the same bytes as without a checkpoint";
const char *test_author = "criu-lazy-wp";

static unsigned int processes = 4;
TEST_OPTION(processes, uint, "how many at once (default 4)", 0);
static unsigned int seed = 1;
TEST_OPTION(seed, uint, "what they do (default 1)", 0);
static char *without = (char *)"MADV_GUARD_INSTALL"; /* CRIU < 4.2 cannot dump guard regions */
TEST_OPTION(without, string,
	    "operations that are left out, with commas (default MADV_GUARD_INSTALL)", 0);

static struct world *world;
static struct worker worker; /* of the process that this is */

struct team {
	struct report *reports;
	bool replays;
	int reported_fds[CHAOS_WORKERS_MAX]; /* a byte when a worker has reported, else its end */
	int release_fd;                      /* closed: they may end */
};

static void *map_or_exit(size_t len_bytes, int flags)
{
	void *memory = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		pr_perror("mmap of %zu bytes", len_bytes);
		exit(1);
	}
	return memory;
}

static void pipe_or_exit(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC)) {
		pr_perror("pipe");
		exit(1);
	}
}

static void world_make(void)
{
	world = map_or_exit(sizeof(*world), MAP_SHARED);
	world->nr_workers = processes;
	world->seed = seed;
	world->mailbox = map_or_exit(processes * chaos_page_size(), MAP_PRIVATE);
	/* Present in every worker from the start: letters into a hole are another test's. */
	memset(world->mailbox, 0, processes * chaos_page_size());
	if (chaos_file_make(seed)) {
		pr_perror("making %s", CHAOS_FILE);
		exit(1);
	}
}

static _Noreturn void work(unsigned int index, const struct team *team, int reported_fd,
			   int release_fd)
{
	worker.world = world;
	worker.report = &team->reports[index];
	worker.index = index;
	worker.replays = team->replays;
	worker.reported_fd = reported_fd;
	worker.release_fd = release_fd;
	worker.limit = team->replays ? world->live[index].operations : UINT64_MAX;
	worker.seed = chaos_mix(seed, index);
	worker.without = without;
	chaos_worker_prepare(&worker, CHAOS_SLOTS);
	chaos_worker_run(&worker);
	worker.report->digest = chaos_worker_digest(&worker);
	chaos_worker_report(&worker, 0);
}

static void start_worker(struct team *team, unsigned int index, const int release_fds[2])
{
	int fds[2];
	pid_t pid;

	pipe_or_exit(fds);
	pid = fork();
	if (pid < 0) {
		pr_perror("fork");
		exit(1);
	}
	if (!pid) {
		close(release_fds[1]);
		work(index, team, fds[1], release_fds[0]);
	}
	close(fds[1]);
	team->reports[index].pid = pid;
	team->reported_fds[index] = fds[0];
}

static void team_start(struct team *team)
{
	int release_fds[2];

	pipe_or_exit(release_fds);
	for (unsigned int i = 0; i < processes; i++)
		start_worker(team, i, release_fds);
	close(release_fds[0]);
	team->release_fd = release_fds[1];
}

/* 0, or 1 with a message if a worker complains or died. */
static int team_wait(const struct team *team)
{
	int ret = 0;

	for (unsigned int i = 0; i < processes; i++) {
		const char *who = team->replays ? "replay of worker" : "worker";
		const struct report *report = &team->reports[i];
		char byte;

		if (read_data(team->reported_fds[i], (unsigned char *)&byte, sizeof(byte)))
			ret |= fail("seed %u: %s %u (pid %d) died", seed, who, i, report->pid);
		else if (report->complaint[0])
			ret |= fail("seed %u: %s %u: %s", seed, who, i, report->complaint);
	}
	return ret;
}

/* Also says with which status a worker ended that should not have ended. */
static int team_end(const struct team *team)
{
	int ret = 0, status;

	for (unsigned int i = 0; i < processes; i++) {
		if (waitpid(team->reports[i].pid, &status, 0) < 0)
			ret |= fail("waitpid");
		else if (status && !team->reports[i].complaint[0])
			ret |= fail("seed %u: worker %u ended with status %#x", seed, i, status);
		close(team->reported_fds[i]);
	}
	return ret;
}

/* Zeros in the place of what cannot be read. */
static void read_memory(const struct report *report, uintptr_t address, void *page)
{
	size_t page_size = chaos_page_size();
	struct iovec local = { page, page_size }, remote = { (void *)address, page_size };

	memset(page, 0, page_size);
	if (process_vm_readv(report->pid, &local, 1, &remote, 1, 0) != (ssize_t)page_size)
		pr_perror("reading %#lx of process %d", (unsigned long)address, report->pid);
}

static void show_words(const uint64_t *found, const uint64_t *expected)
{
	int shown = 0;

	for (size_t word = 0; word < chaos_page_size() / 8 && shown < WORDS_SHOWN; word++) {
		if (found[word] == expected[word])
			continue;
		test_msg("  word %zu: %#llx, not %#llx\n", word, (unsigned long long)found[word],
			 (unsigned long long)expected[word]);
		shown++;
	}
}

static int compare_slot(unsigned int index, unsigned int number)
{
	static uint64_t found[CHAOS_PAGE_BYTES_MAX / 8], expected[CHAOS_PAGE_BYTES_MAX / 8];
	const struct report *live = &world->live[index], *replay = &world->replayed[index];
	const struct slot_report *slot = &live->slots[number], *again = &replay->slots[number];
	size_t page = 0, step = slot->stride * chaos_page_size();

	if (slot->kind != again->kind || slot->pages != again->pages)
		return fail("seed %u: worker %u slot %u: kind %u with %zu pages, not %u with %zu",
			    seed, index, number, slot->kind, slot->pages, again->kind,
			    again->pages);
	for (; page < slot->pages; page++) {
		read_memory(live, slot->memory + page * step, found);
		read_memory(replay, again->memory + page * step, expected);
		if (memcmp(found, expected, chaos_page_size()))
			break;
	}
	if (page == slot->pages)
		return 0;
	fail("seed %u: worker %u after %llu operations: slot %u (kind %u): page %zu of %zu at %#lx",
	     seed, index, (unsigned long long)live->operations, number, slot->kind, page,
	     slot->pages, (unsigned long)(slot->memory + page * step));
	show_words(found, expected);
	return 1;
}

/* The last letter of each worker to this one. */
static int compare_mail(unsigned int to)
{
	static uint8_t found[CHAOS_PAGE_BYTES_MAX], expected[CHAOS_PAGE_BYTES_MAX];
	int ret = 0;

	for (unsigned int from = 0; from < processes; from++) {
		uint64_t number = world->live[from].mail_sent[to];

		chaos_letter(expected, seed, from, to, number);
		read_memory(&world->live[to], (uintptr_t)world->mailbox + from * chaos_page_size(),
			    found);
		if (memcmp(found, expected, chaos_page_size()))
			ret |= fail("seed %u: worker %u does not have letter %llu of worker %u",
				    seed, to, (unsigned long long)number, from);
	}
	return ret;
}

/* Of memory, then of what the worker knew of it and its children said. */
static int compare_worker(unsigned int index)
{
	const struct report *live = &world->live[index], *replay = &world->replayed[index];
	int ret;

	if (live->complaint[0] || replay->complaint[0]) /* has stopped amidst an operation */
		return 1;
	ret = compare_mail(index);
	for (unsigned int slot = 0; slot < CHAOS_SLOTS; slot++)
		ret |= compare_slot(index, slot);
	if (live->digest != replay->digest)
		ret |= fail(
			"seed %u: worker %u after %llu operations: the digest is %#llx, not %#llx",
			seed, index, (unsigned long long)live->operations,
			(unsigned long long)live->digest, (unsigned long long)replay->digest);
	return ret;
}

static int compare(void)
{
	int ret = 0;

	for (unsigned int i = 0; i < processes; i++)
		ret |= compare_worker(i);
	return ret;
}

static void summary(void)
{
	const struct operation *operation;
	uint64_t operations = 0;
	char text[1600] = "";
	size_t len = 0;

	for (unsigned int number = 0; (operation = chaos_operation(number)); number++) {
		uint64_t done = 0;

		for (unsigned int i = 0; i < processes; i++)
			done += world->live[i].done[number];
		operations += done;
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", %s %llu",
					operation->name, (unsigned long long)done);
	}
	test_msg("%llu operations%s\n", (unsigned long long)operations, text);
}

int main(int argc, char **argv)
{
	struct team live = { .replays = false }, replay = { .replays = true };
	int ret = chaos_executed(argc, argv);

	if (ret >= 0)
		return ret;
	test_init(argc, argv);
	if (processes < 1 || processes > CHAOS_WORKERS_MAX) {
		pr_err("1 to %d processes\n", CHAOS_WORKERS_MAX);
		return 1;
	}
	world_make();
	live.reports = world->live;
	replay.reports = world->replayed;
	team_start(&live);
	test_daemon();
	test_waitsig();

	__atomic_store_n(&world->stop, 1, __ATOMIC_RELEASE);
	ret = team_wait(&live);
	summary();
	team_start(&replay);
	ret |= team_wait(&replay);
	ret |= compare();
	close(live.release_fd);
	close(replay.release_fd);
	ret |= team_end(&live) | team_end(&replay);
	unlink(CHAOS_FILE);
	if (!ret)
		pass();
	return ret;
}
