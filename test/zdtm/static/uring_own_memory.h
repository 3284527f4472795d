/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings in memory of the program's own: only the kernel writes them once the request is queued,
 * through a mapping of its own. VmPin does not count them, fdinfo does not list them.
 */
#ifndef ZDTM_URING_OWN_MEMORY_H
#define ZDTM_URING_OWN_MEMORY_H

#include "uring.h"

#define PAGES         4 /* rings, requests, and two that nobody writes */
#define SETUP_NO_MMAP (1U << 14)

static struct area areas[SHAPES];
static struct ring rings[SHAPES];
static uint8_t *copies[SHAPES];

static inline void open_in(struct ring *ring, struct area *area)
{
	struct io_uring_params *params = &ring->params;
	uint64_t requests = (uintptr_t)area_page(area, 1), answers = (uintptr_t)area->memory;

	params->flags = SETUP_NO_MMAP;
	/* The last members: their names came with the flag. */
	memcpy((uint8_t *)(&params->sq_off + 1) - 8, &requests, 8);
	memcpy((uint8_t *)(&params->cq_off + 1) - 8, &answers, 8);
	ring->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, params);
	if (ring->fd < 0) {
		skip("no io_uring in memory of the caller: %s", strerror(errno));
		exit(1);
	}
	ring->rings = area->memory;
	ring->sqes = (void *)area_page(area, 1);
}

/* What the kernel wrote is compared with a copy taken at once. */
static void answer_request(int shape)
{
	if (ring_enter(&rings[shape], 1, 1))
		return;
	memcpy(copies[shape], areas[shape].memory, page_size());
	close(rings[shape].fd);
}

static inline int check_answer(int shape)
{
	struct io_uring_cqe *cqe = (void *)(areas[shape].memory + rings[shape].params.cq_off.cqes);

	if (cqe->user_data != 0x1234)
		return fail("shape %d: no answer of the kernel", shape);
	if (memcmp(copies[shape], areas[shape].memory, page_size()))
		return fail("shape %d: not what the kernel wrote", shape);
	return 0;
}

/* The request is queued now: afterwards only the kernel writes. */
static inline void set_up(int shape)
{
	struct io_uring_sqe nop = { .opcode = IORING_OP_NOP, .user_data = 0x1234 };

	area_map(&areas[shape], PAGES);
	copies[shape] = calloc(1, page_size());
	open_in(&rings[shape], &areas[shape]);
	ring_queue(&rings[shape], &nop);
}

#endif
