// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations with other processes: short children that check and change their copy, children that
 * go on with operations of their own, executed ones, and letters to the other workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chaos.h"

#define CHILD_OPERATIONS 400
#define EXECUTED         "chaos-executed"
#define REST_NS          5000000 /* and up to eight times as long */

static void forget_wiped(struct worker *worker, struct slot *slot)
{
	struct range whole = range_whole(slot);

	memset(slot->states, PAGE_KNOWN, sizeof(slot->states));
	range_expect_fresh(worker, &whole);
}

/* What a forked child finds. */
static void become_child(struct worker *worker)
{
	worker->depth++;
	worker->child.pid = 0;
	for (unsigned int i = 0; i < worker->nr_slots; i++)
		if (worker->slots[i].wiped_on_fork)
			forget_wiped(worker, &worker->slots[i]);
}

static void verify_all(struct worker *worker)
{
	for (unsigned int i = 0; i < worker->nr_slots; i++) {
		struct range whole = range_whole(&worker->slots[i]);

		range_verify(worker, &whole);
	}
}

/* Stores into private memory only: what is shared is the parent's, too. */
static void store_somewhere(struct worker *worker)
{
	for (int i = 0; i < 4; i++) {
		struct range range = range_pick(worker);

		if (slot_is_private(range.slot))
			chaos_store(worker, &range);
	}
}

static _Noreturn void short_life(struct worker *worker)
{
	become_child(worker);
	verify_all(worker);
	store_somewhere(worker);
	verify_all(worker);
	_exit(0);
}

/* The child, with the worker's stream as it is after that. */
static void wait_for(struct worker *worker, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			chaos_complain(worker, "waitpid: %s", strerror(errno));
	if (status)
		chaos_complain(worker, "child %d ended with status %#x", pid, (unsigned)status);
}

static pid_t fork_or_complain(struct worker *worker, unsigned long flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		chaos_complain(worker, "clone: %s", strerror(errno));
	return pid;
}

/* Both sides write the pages that they share at first. */
static void fork_short(struct worker *worker)
{
	pid_t pid;

	if (worker->depth)
		return;
	pid = fork_or_complain(worker, 0);
	if (!pid)
		short_life(worker);
	store_somewhere(worker);
	wait_for(worker, pid);
}

/* As vfork(), but with memory of its own: CRIU dumps no memory that processes share. */
static void fork_and_wait(struct worker *worker)
{
	pid_t pid;

	if (worker->depth)
		return;
	pid = fork_or_complain(worker, CLONE_VFORK);
	if (!pid)
		short_life(worker);
	wait_for(worker, pid);
}

static void pipe_or_complain(struct worker *worker, int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		chaos_complain(worker, "pipe: %s", strerror(errno));
}

static ssize_t read_whole(int fd, void *memory, size_t len_bytes)
{
	ssize_t got;

	do
		got = read(fd, memory, len_bytes);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Waits until the parent says what it has written into it, and looks. */
static _Noreturn void be_written(struct worker *worker, const struct range *range, uint64_t hash,
				 const int fds[2])
{
	bool written = false;

	become_child(worker);
	close(fds[1]);
	if (read_whole(fds[0], &written, sizeof(written)) == sizeof(written) && written)
		range->slot->hashes[range->first] = hash;
	verify_all(worker);
	_exit(0);
}

static void write_child(struct worker *worker)
{
	static uint8_t page[CHAOS_PAGE_BYTES_MAX];
	struct range range = range_pick(worker);
	struct iovec local = { page, chaos_page_size() };
	struct iovec remote = { range_page(&range, 0), chaos_page_size() };
	bool written;
	int fds[2];
	pid_t pid;

	chaos_fill(page, chaos_random(&worker->random), chaos_page_size());
	if (worker->depth || !slot_is_private(range.slot))
		return;
	slot_settle(worker, range.slot);
	pipe_or_complain(worker, fds);
	pid = fork_or_complain(worker, 0);
	if (!pid)
		be_written(worker, &range, chaos_hash(page), fds);
	written = process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)local.iov_len;
	if (write(fds[1], &written, sizeof(written)) != sizeof(written))
		chaos_complain(worker, "writing to a child: %s", strerror(errno));
	close(fds[0]);
	close(fds[1]);
	wait_for(worker, pid);
}

/* Its memory is its own from now on: shared slots are made anew. */
static _Noreturn void long_life(struct worker *worker, uint64_t seed, int result_fd)
{
	uint64_t digest;

	become_child(worker);
	worker->random = seed;
	for (unsigned int i = 0; i < worker->nr_slots; i++) {
		struct slot *slot = &worker->slots[i];

		if (slot_is_private(slot))
			continue;
		munmap(slot->memory, slot_bytes(slot));
		slot_forget(slot);
		slot_renew(worker, slot);
	}
	worker->limit = worker->operations + CHILD_OPERATIONS;
	chaos_worker_run(worker);
	digest = chaos_worker_digest(worker);
	_exit(write(result_fd, &digest, sizeof(digest)) != sizeof(digest));
}

static void child_started(struct worker *worker, pid_t pid, const int fds[2])
{
	close(fds[1]);
	worker->child.pid = pid;
	worker->child.result_fd = fds[0];
	worker->child.started = worker->operations;
}

/* Waits for its digest, if there is a child that goes on by itself. */
void chaos_child_collect(struct worker *worker)
{
	uint64_t digest;

	if (!worker->child.pid)
		return;
	if (read_whole(worker->child.result_fd, &digest, sizeof(digest)) != sizeof(digest))
		chaos_complain(worker, "the child of operation %llu ended too early",
			       (unsigned long long)worker->child.started);
	close(worker->child.result_fd);
	wait_for(worker, worker->child.pid);
	worker->child.pid = 0;
	worker->children_digest = chaos_mix(worker->children_digest, digest);
}

static void fork_long(struct worker *worker)
{
	uint64_t seed = chaos_random(&worker->random);
	int fds[2];
	pid_t pid;

	if (worker->depth)
		return;
	chaos_child_collect(worker);
	pipe_or_complain(worker, fds);
	pid = fork_or_complain(worker, 0);
	if (!pid)
		long_life(worker, seed, fds[1]);
	child_started(worker, pid, fds);
}

static _Noreturn void execute(struct worker *worker, uint64_t seed, int result_fd)
{
	char seed_text[32], fd_text[16];
	char *argv[] = { (char *)"memory_chaos",
			 (char *)EXECUTED,
			 seed_text,
			 fd_text,
			 (char *)worker->without,
			 NULL };
	char *envp[] = { NULL };

	snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)seed);
	snprintf(fd_text, sizeof(fd_text), "%d", result_fd);
	fcntl(result_fd, F_SETFD, 0);
	execve("/proc/self/exe", argv, envp);
	_exit(127);
}

static void fork_and_execute(struct worker *worker)
{
	uint64_t seed = chaos_random(&worker->random);
	int fds[2];
	pid_t pid;

	if (worker->depth)
		return;
	chaos_child_collect(worker);
	pipe_or_complain(worker, fds);
	pid = fork_or_complain(worker, 0);
	if (!pid)
		execute(worker, seed, fds[1]);
	child_started(worker, pid, fds);
}

/* The main() of an executed child; -1 if this process is none. */
int chaos_executed(int argc, char **argv)
{
	static struct worker worker;
	uint64_t digest;

	if (argc != 5 || strcmp(argv[1], EXECUTED))
		return -1;
	worker.seed = strtoull(argv[2], NULL, 10);
	worker.without = argv[4];
	worker.depth = 1;
	worker.limit = CHILD_OPERATIONS;
	chaos_worker_prepare(&worker, CHAOS_SLOTS_FEW);
	chaos_worker_run(&worker);
	digest = chaos_worker_digest(&worker);
	return write(atoi(argv[3]), &digest, sizeof(digest)) != sizeof(digest);
}

/* Letter 0 is what is there before the first one. */
void chaos_letter(uint8_t *page, uint64_t seed, unsigned int from, unsigned int to, uint64_t number)
{
	uint64_t words = chaos_mix(chaos_mix(seed, number), from * CHAOS_WORKERS_MAX + to);

	if (number)
		chaos_fill(page, words, chaos_page_size());
	else
		memset(page, 0, chaos_page_size());
}

/* Into the memory of another worker, which knows nothing of it until the end. */
static void write_sibling(struct worker *worker)
{
	static uint8_t page[CHAOS_PAGE_BYTES_MAX];
	size_t other = chaos_below(worker, CHAOS_WORKERS_MAX);
	size_t page_size = chaos_page_size();
	struct iovec local = { page, page_size }, remote;
	uint64_t *sent;

	if (worker->depth || worker->replays || other >= worker->world->nr_workers ||
	    other == worker->index)
		return;
	sent = &worker->report->mail_sent[other];
	chaos_letter(page, worker->world->seed, worker->index, (unsigned int)other, *sent + 1);
	remote = (struct iovec){ worker->world->mailbox + worker->index * page_size, page_size };
	if (process_vm_writev(worker->world->live[other].pid, &local, 1, &remote, 1, 0) ==
	    (ssize_t)page_size)
		++*sent;
}

/*
 * Half of the workers do little between two iterations: what is done to a page that is protected
 * shows only if nothing else is done to it before the next one.
 */
static void rest(struct worker *worker)
{
	struct timespec moment = { .tv_nsec = REST_NS * (long)(1 + chaos_below(worker, 8)) };

	if (worker->index % 2 && !worker->depth && !worker->replays)
		nanosleep(&moment, NULL);
}

const struct operation chaos_processes[] = {
	{ "fork", fork_short, 3 },
	{ "fork and wait", fork_and_wait, 2 },
	{ "fork and write", write_child, 3 },
	{ "fork and go on", fork_long, 2 },
	{ "fork and execute", fork_and_execute, 1 },
	{ "process_vm_writev to another", write_sibling, 100 },
	{ "rest", rest, 100 },
	{ NULL, NULL, 0 },
};
