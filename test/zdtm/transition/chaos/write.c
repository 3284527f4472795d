// SPDX-License-Identifier: GPL-2.0-only
/* Operations that write: by stores, by a thread, and by system calls. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chaos.h"

#define BUFFER_BYTES 16384 /* fits into a pipe and a socket */
#define PIECES       3
#define DIRECT_PAGES 16

static uint8_t buffer[BUFFER_BYTES];

/* Part of one page, at any byte. */
struct part {
	struct range page;
	uint8_t *memory;
	size_t len_bytes;
};

static struct part part_pick(struct worker *worker)
{
	struct range range = range_pick(worker);
	size_t offset = chaos_below(worker, chaos_page_size());
	size_t len_bytes = 1 + chaos_below(worker, chaos_page_size() - offset);
	struct part part = { { range.slot, range.first, 1 }, NULL, len_bytes };

	range_open(worker, &part.page);
	part.memory = range_page(&part.page, 0) + offset;
	return part;
}

static void store_part(struct worker *worker)
{
	struct part part = part_pick(worker);

	chaos_fill(part.memory, chaos_random(&worker->random), part.len_bytes);
	range_rehash(&part.page);
}

static void store_byte(struct worker *worker)
{
	struct part part = part_pick(worker);

	*(volatile uint8_t *)part.memory ^= 0x55;
	range_rehash(&part.page);
}

static void fill_range(const struct range *range, uint64_t seed)
{
	for (size_t page = 0; page < range->pages; page++)
		chaos_fill(range_page(range, page), chaos_mix(seed, page), chaos_page_size());
}

void chaos_store(struct worker *worker, const struct range *range)
{
	range_open(worker, range);
	fill_range(range, chaos_random(&worker->random));
	range_rehash(range);
}

static void store_range(struct worker *worker)
{
	struct range range = range_pick(worker);

	chaos_store(worker, &range);
}

static void store_zeros(struct worker *worker)
{
	struct range range = range_pick(worker);

	range_open(worker, &range);
	for (size_t page = 0; page < range.pages; page++)
		memset(range_page(&range, page), 0, chaos_page_size());
	range_rehash(&range);
}

static void copy_page(struct worker *worker)
{
	struct range from = range_pick(worker), to = range_pick(worker);

	range_open(worker, &from);
	range_open(worker, &to);
	memmove(range_page(&to, 0), range_page(&from, 0), chaos_page_size());
	to.pages = 1;
	range_rehash(&to);
}

struct thread_work {
	const struct range *range;
	uint64_t seed;
};

static void *thread_store(void *argument)
{
	const struct thread_work *work = argument;

	fill_range(work->range, work->seed);
	return NULL;
}

static void store_by_thread(struct worker *worker)
{
	struct range range = range_pick(worker);
	struct thread_work work = { &range, chaos_random(&worker->random) };
	pthread_t thread;

	range_open(worker, &range);
	errno = pthread_create(&thread, NULL, thread_store, &work);
	if (errno)
		chaos_complain(worker, "pthread_create: %s", strerror(errno));
	pthread_join(thread, NULL);
	range_rehash(&range);
}

static void expect_length(struct worker *worker, ssize_t got, size_t wanted)
{
	if (got != (ssize_t)wanted)
		chaos_complain(worker, "%zd of %zu bytes: %s", got, wanted, strerror(errno));
}

static void read_file(struct worker *worker)
{
	struct part part = part_pick(worker);
	size_t offset = chaos_below(worker, (CHAOS_FILE_PAGES - 1) * chaos_page_size());

	expect_length(worker, pread(worker->file_fd, part.memory, part.len_bytes, (off_t)offset),
		      part.len_bytes);
	range_rehash(&part.page);
}

/* Past the page tables: the device writes into the pages while the call lasts. */
static void read_directly(struct worker *worker)
{
	struct range range = range_pick(worker);
	size_t page = chaos_below(worker, CHAOS_FILE_PAGES - DIRECT_PAGES + 1), len_bytes;

	if (range.slot->stride > 1)
		range.pages = 1;
	else if (range.pages > DIRECT_PAGES)
		range.pages = DIRECT_PAGES;
	range_open(worker, &range);
	len_bytes = range.pages * chaos_page_size();
	expect_length(worker,
		      pread(worker->direct_fd, range_page(&range, 0), len_bytes,
			    (off_t)(page * chaos_page_size())),
		      len_bytes);
	range_rehash(&range);
}

/* Pieces of up to three pages; together no more than the buffer. */
static size_t pieces_pick(struct worker *worker, struct part parts[PIECES],
			  struct iovec pieces[PIECES])
{
	size_t sum = 0;

	for (int i = 0; i < PIECES; i++) {
		parts[i] = part_pick(worker);
		if (parts[i].len_bytes > BUFFER_BYTES / PIECES)
			parts[i].len_bytes = BUFFER_BYTES / PIECES;
		pieces[i] = (struct iovec){ parts[i].memory, parts[i].len_bytes };
		sum += parts[i].len_bytes;
	}
	chaos_fill(buffer, chaos_random(&worker->random), sum);
	return sum;
}

static void pieces_done(const struct part parts[PIECES])
{
	for (int i = 0; i < PIECES; i++)
		range_rehash(&parts[i].page);
}

static void read_pipe(struct worker *worker)
{
	struct part parts[PIECES];
	struct iovec pieces[PIECES];
	size_t len_bytes = pieces_pick(worker, parts, pieces);
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		chaos_complain(worker, "pipe: %s", strerror(errno));
	expect_length(worker, write(fds[1], buffer, len_bytes), len_bytes);
	expect_length(worker, readv(fds[0], pieces, PIECES), len_bytes);
	close(fds[0]);
	close(fds[1]);
	pieces_done(parts);
}

static void receive(struct worker *worker)
{
	int type = chaos_chance(worker, 50) ? SOCK_STREAM : SOCK_DGRAM, fds[2];
	struct part parts[PIECES];
	struct iovec pieces[PIECES];
	size_t len_bytes = pieces_pick(worker, parts, pieces);
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = PIECES };

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds))
		chaos_complain(worker, "socketpair: %s", strerror(errno));
	expect_length(worker, send(fds[1], buffer, len_bytes, 0), len_bytes);
	expect_length(worker, recvmsg(fds[0], &message, MSG_WAITALL), len_bytes);
	close(fds[0]);
	close(fds[1]);
	pieces_done(parts);
}

static void write_myself(struct worker *worker)
{
	struct part parts[PIECES];
	struct iovec pieces[PIECES];
	struct iovec local = { buffer, pieces_pick(worker, parts, pieces) };

	expect_length(worker, process_vm_writev(getpid(), &local, 1, pieces, PIECES, 0),
		      local.iov_len);
	pieces_done(parts);
}

/* Writes to a memfd's memory by its descriptor, to other memory as above. */
static void write_memfd(struct worker *worker)
{
	struct part part = part_pick(worker);
	struct slot *slot = part.page.slot;

	if (part.len_bytes > BUFFER_BYTES)
		part.len_bytes = BUFFER_BYTES;
	chaos_fill(buffer, chaos_random(&worker->random), part.len_bytes);
	if (slot->fd < 0)
		memcpy(part.memory, buffer, part.len_bytes);
	else
		expect_length(worker,
			      pwrite(slot->fd, buffer, part.len_bytes, part.memory - slot->memory),
			      part.len_bytes);
	range_rehash(&part.page);
}

static void look(struct worker *worker)
{
	struct range range = range_pick(worker);

	range_verify(worker, &range);
}

/* Between the pages of a sparse slot nothing was ever written. */
static void look_into_hole(struct worker *worker)
{
	struct range range = range_pick(worker);
	size_t page = 1 + chaos_below(worker, CHAOS_STRIDE - 1);

	if (range.slot->stride == 1)
		return;
	slot_unprotect(worker, range.slot);
	if (chaos_hash(range_page(&range, 0) + page * chaos_page_size()) != worker->zero_hash)
		chaos_complain(worker, "BAD slot %u page %zu: the hole behind it is not zero",
			       range.slot->number, range.first);
}

const struct operation chaos_writes[] = {
	{ "store part", store_part, 160 },
	{ "store byte", store_byte, 160 },
	{ "store range", store_range, 160 },
	{ "store zeros", store_zeros, 40 },
	{ "copy page", copy_page, 40 },
	{ "store by thread", store_by_thread, 5 },
	{ "read file", read_file, 80 },
	{ "read directly", read_directly, 40 },
	{ "read pipe", read_pipe, 40 },
	{ "recvmsg", receive, 20 },
	{ "process_vm_writev", write_myself, 40 },
	{ "write memfd", write_memfd, 40 },
	{ "look", look, 40 },
	{ "look into hole", look_into_hole, 20 },
	{ NULL, NULL, 0 },
};
