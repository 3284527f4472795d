/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child that uses userfaultfd itself: a thread of it resolves what is missing with pages of
 * known numbers, and writes to protected pages, each by its own rules. It must find its faults
 * as it would without any checkpoint.
 */
#ifndef ZDTM_USERFAULTFD_H
#define ZDTM_USERFAULTFD_H

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "fork.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define OWN_GENERATION 5 /* of the pages that the program's own handler makes */

struct own {
	int uffd, end[2];
	struct area *area;
	_Atomic unsigned int missing, written; /* faults handled */
	pthread_t thread;
};

static inline struct uffdio_range own_range(const struct area *area)
{
	return (struct uffdio_range){ (uintptr_t)area->memory, area->pages * page_size() };
}

static inline void own_make_page(struct own *own, uint64_t address)
{
	static uint64_t page[65536 / sizeof(uint64_t)];
	size_t number = (address - (uintptr_t)own->area->memory) / page_size();
	struct uffdio_copy copy = { .dst = address,
				    .src = (uintptr_t)page,
				    .len = page_size(),
				    .mode = UFFDIO_COPY_MODE_WP };

	page_make(page, page_number(OWN_GENERATION, number));
	own->missing++; /* first: whoever waits for the page may count at once */
	must(!ioctl(own->uffd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
}

static inline void own_unprotect(struct own *own, uint64_t address)
{
	struct uffdio_writeprotect off = { .range = { address, page_size() } };

	own->written++;
	must(!ioctl(own->uffd, UFFDIO_WRITEPROTECT, &off), "UFFDIO_WRITEPROTECT");
}

static inline void own_handle(struct own *own)
{
	struct uffd_msg message;
	uint64_t address;

	must(read(own->uffd, &message, sizeof(message)) == sizeof(message), "reading a fault");
	must(message.event == UFFD_EVENT_PAGEFAULT, "a page fault");
	address = message.arg.pagefault.address & ~(uint64_t)(page_size() - 1);
	if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
		own_unprotect(own, address);
	else
		own_make_page(own, address);
}

static inline void *own_handler(void *argument)
{
	struct own *own = argument;
	struct pollfd polled[2] = { { .fd = own->uffd, .events = POLLIN },
				    { .fd = own->end[0], .events = POLLIN } };

	for (;;) {
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			break;
		if (polled[1].revents)
			break;
		if (polled[0].revents)
			own_handle(own);
	}
	return NULL;
}

/* False: not allowed, or not known to this kernel. */
static inline bool own_open(struct own *own)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };

	*own = (struct own){ .uffd = (int)syscall(SYS_userfaultfd,
						  O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY) };
	return own->uffd >= 0 && !ioctl(own->uffd, UFFDIO_API, &api);
}

/* 0 or -errno: with both modes. */
static inline int own_register(const struct own *own, const struct area *area)
{
	struct uffdio_register both = { .range = own_range(area),
					.mode = UFFDIO_REGISTER_MODE_MISSING |
						UFFDIO_REGISTER_MODE_WP };

	return ioctl(own->uffd, UFFDIO_REGISTER, &both) ? -errno : 0;
}

/* From then on the area's missing pages are made, and its writes seen, by the thread. */
static inline void own_start(struct own *own, struct area *area)
{
	own->area = area;
	must(!pipe2(own->end, O_CLOEXEC), "pipe");
	must(!pthread_create(&own->thread, NULL, own_handler, own), "a thread");
}

/* The thread ends and the descriptor is closed: the area becomes ordinary memory. */
static inline void own_stop(struct own *own)
{
	must(write(own->end[1], "", 1) == 1, "ending the thread");
	must(!pthread_join(own->thread, NULL), "the thread's end");
	close(own->end[0]);
	close(own->end[1]);
	close(own->uffd);
}

/* Reads missing pages, then writes every other one: a fault for each, handled by the thread. */
static inline int own_use(struct own *own, size_t first, size_t pages)
{
	unsigned int missing = own->missing, written = own->written;

	area_touch(own->area, first, pages);
	area_expect(own->area, first, pages, OWN_GENERATION);
	for (size_t page = first; page < first + pages; page += 2)
		area_fill(own->area, page, 1, OWN_GENERATION + 1);
	if (own->missing - missing != pages || own->written - written != pages / 2)
		return fail("%u missing and %u protected pages, not %zu and %zu",
			    own->missing - missing, own->written - written, pages, pages / 2);
	return 0;
}

#endif
