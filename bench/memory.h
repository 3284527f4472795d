/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmarks in C share: memory of their own to be tracked, and a clock. All failures
 * end the program.
 */
#ifndef LAZY_WP_BENCH_MEMORY_H
#define LAZY_WP_BENCH_MEMORY_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "track/scan.h"
#include "track/uffd.h"

static inline void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(error));
	exit(1);
}

static inline void die_if(int ret, const char *what)
{
	if (ret < 0)
		die(what, -ret);
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Readable and writable, aligned to huge pages; with as much address space after it. */
static inline uint8_t *map_aligned(uint64_t bytes, int advice)
{
	uint64_t huge = track_table_bytes();
	uint8_t *space = mmap(NULL, 2 * bytes + huge, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *memory = (uint8_t *)(((uintptr_t)space + huge - 1) / huge * huge);

	if (space == MAP_FAILED || mprotect(memory, bytes, PROT_READ | PROT_WRITE))
		die("mmap", errno);
	madvise(memory, bytes, advice);
	return memory;
}

/* Writes every so many-th page. */
static inline void write_pages(volatile uint8_t *memory, uint64_t pages, uint64_t distance,
			       uint8_t value)
{
	uint64_t step = distance * page_bytes();

	for (uint64_t at = 0; at < pages * page_bytes(); at += step)
		memory[at] = value;
}

/* An asynchronous write-protect userfaultfd of our own memory. */
static inline int open_tracker(void)
{
	int uffd = (int)syscall(SYS_userfaultfd, track_uffd_flags());

	if (uffd < 0)
		die("userfaultfd", errno);
	die_if(track_uffd_init(uffd), "UFFDIO_API");
	return uffd;
}

#endif
