/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small io_uring on raw system calls: one request at a time. CRIU refuses a task that has a
 * ring mapped, even in a pre-dump, so it is mapped only while it is used. The ring holds all pins
 * until its last descriptor is closed.
 */
#ifndef ZDTM_URING_H
#define ZDTM_URING_H

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "memory.h"

#define RING_ENTRIES 8

struct ring {
	int fd;
	uint8_t *rings;
	size_t rings_bytes;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static inline void *ring_map(int fd, size_t bytes, off_t offset)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
			    offset);

	if (memory == MAP_FAILED) {
		pr_perror("mapping an io_uring");
		exit(1);
	}
	return memory;
}

/* Makes a ring without mapping it. */
static inline void ring_create(struct ring *ring)
{
	*ring = (struct ring){ 0 };
	ring->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &ring->params);
	if (ring->fd >= 0)
		return;
	skip("no io_uring: %s", strerror(errno));
	exit(1);
}

/* Maps it, in this or another process that has the descriptor. */
static inline void ring_attach(struct ring *ring)
{
	const struct io_cqring_offsets *cq = &ring->params.cq_off;

	ring->rings_bytes = cq->cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = ring_map(ring->fd, ring->rings_bytes, IORING_OFF_SQ_RING);
	ring->sqes = ring_map(ring->fd, RING_ENTRIES * sizeof(*ring->sqes), IORING_OFF_SQES);
}

static inline void ring_detach(struct ring *ring)
{
	munmap(ring->sqes, RING_ENTRIES * sizeof(*ring->sqes));
	munmap(ring->rings, ring->rings_bytes);
}

static inline uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring->rings + offset);
}

/* 0 or -1 with a message. */
static inline int ring_register(const struct ring *ring, unsigned int what, const void *arg,
				unsigned int nr)
{
	if (syscall(SYS_io_uring_register, ring->fd, what, arg, nr) >= 0)
		return 0;
	pr_perror("io_uring_register %u", what);
	return -1;
}

static inline int ring_register_buffer(const struct ring *ring, void *memory, size_t bytes)
{
	struct iovec buffer = { memory, bytes };

	return ring_register(ring, IORING_REGISTER_BUFFERS, &buffer, 1);
}

/* Puts a request into the queue; it is not submitted. */
static inline void ring_queue(const struct ring *ring, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = ring_word(ring, ring->params.sq_off.tail);
	uint32_t index = *tail % RING_ENTRIES;

	ring->sqes[index] = *sqe;
	ring_word(ring, ring->params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* Submits nr queued requests and waits for as many results as are wanted. */
static inline int ring_enter(const struct ring *ring, unsigned int nr, unsigned int wanted)
{
	int ret = (int)syscall(SYS_io_uring_enter, ring->fd, nr, wanted,
			       wanted ? IORING_ENTER_GETEVENTS : 0, NULL, 0);

	if (ret != (int)nr)
		pr_perror("io_uring_enter: %d of %u", ret, nr);
	return ret == (int)nr ? 0 : -1;
}

/* The result of the oldest request, which must have ended. */
static inline int ring_result(const struct ring *ring)
{
	uint32_t *head = ring_word(ring, ring->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(ring->rings + ring->params.cq_off.cqes);
	int result;

	if (__atomic_load_n(ring_word(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE) == *head)
		return -EAGAIN;
	result = cqes[*head % ring->params.cq_entries].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Reads from a file into the registered buffer, past the page tables. */
static inline int ring_read_fixed(struct ring *ring, int file, off_t offset, void *memory,
				  size_t bytes)
{
	int result = -1;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ_FIXED,
				    .fd = file,
				    .off = (uint64_t)offset,
				    .addr = (uintptr_t)memory,
				    .len = (uint32_t)bytes };

	ring_attach(ring);
	ring_queue(ring, &sqe);
	if (!ring_enter(ring, 1, 1))
		result = ring_result(ring);
	ring_detach(ring);
	if (result == (int)bytes)
		return 0;
	pr_err("a fixed read of %zu bytes: %d\n", bytes, result);
	return -1;
}

#endif
