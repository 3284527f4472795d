/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merging pages with KSM. Its switch is the whole system's: it is turned on only while a test
 * waits for its merges, by one test at a time, and a helper turns it back when the test dies.
 */
#ifndef ZDTM_KSM_H
#define ZDTM_KSM_H

#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "memory.h"

#define KSM_RUN          "/sys/kernel/mm/ksm/run"
#define KSM_WAIT_SECONDS 8
#define KSM_FLAG         21 /* KPF_KSM */
#define KSM_PFN_MASK     ((UINT64_C(1) << 55) - 1)

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif

/* How many of these pages are KSM's: pagemap tells the frame, kpageflags what it is. */
static inline size_t ksm_count(const struct area *area, size_t first, size_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	size_t count = 0;

	for (size_t page = first; page < first + pages; page++) {
		uintptr_t address = (uintptr_t)area_page(area, page);
		uint64_t entry, flags;

		if (pread(pagemap, &entry, 8, (off_t)(address / page_size() * 8)) == 8 &&
		    pread(kpageflags, &flags, 8, (off_t)((entry & KSM_PFN_MASK) * 8)) == 8)
			count += flags >> KSM_FLAG & 1;
	}
	close(pagemap);
	close(kpageflags);
	return count;
}

static inline int64_t ksm_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Turns KSM on until the returned descriptor is closed. Its helper is to be waited for. */
static inline int ksm_start(pid_t *ret_helper)
{
	int ends[2], lock = open(KSM_RUN, O_RDWR);
	char before[8] = "0";
	char byte;

	if (lock < 0 || flock(lock, LOCK_EX) || read_value(KSM_RUN, before, sizeof(before)) ||
	    pipe(ends))
		return -1;
	*ret_helper = fork();
	if (*ret_helper == 0) {
		setsid();
		close(ends[1]);
		if (!write_value(KSM_RUN, "1") && read(ends[0], &byte, 1) == 0)
			write_value(KSM_RUN, before);
		_exit(0);
	}
	close(lock); /* the helper has it */
	close(ends[0]);
	return *ret_helper < 0 ? -1 : ends[1];
}

/* Waits until all these pages are merged, for a while; returns how many are. */
static inline size_t ksm_merge(const struct area *area, size_t first, size_t pages)
{
	int64_t end = ksm_clock_ms() + KSM_WAIT_SECONDS * 1000;
	struct timespec pause = { .tv_nsec = 20000000 };
	pid_t helper;
	int on = ksm_start(&helper);

	if (on < 0)
		return 0;
	/* No event tells of merges; ksmd works at its own pace. */
	while (ksm_count(area, first, pages) < pages && ksm_clock_ms() < end)
		nanosleep(&pause, NULL);
	close(on);
	waitpid(helper, NULL, 0);
	return ksm_count(area, first, pages);
}

#endif
