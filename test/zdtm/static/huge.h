/* SPDX-License-Identifier: GPL-2.0-only */
/* Transparent huge pages for the memory tests. Their size is that of x86_64 with 4 KiB pages. */
#ifndef ZDTM_HUGE_H
#define ZDTM_HUGE_H

#include "memory.h"

#define HUGE_BYTES ((size_t)2 << 20)
#define HUGE_PAGES (HUGE_BYTES / page_size())

/* KiB of anonymous huge pages in the mapping that begins at memory. */
static inline size_t huge_kib(const void *memory)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib, found = 0;
	bool inside = false;
	char line[4096];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (unsigned long)memory;
		else if (inside && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			found = kib;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

/* An aligned mapping of nr huge pages, none of them present yet; guard pages around it. */
static inline uint8_t *huge_map(size_t nr)
{
	size_t bytes = (nr + 2) * HUGE_BYTES;
	uint8_t *memory = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)memory + HUGE_BYTES) & ~(HUGE_BYTES - 1));

	if (memory == MAP_FAILED || mprotect(aligned, nr * HUGE_BYTES, PROT_READ | PROT_WRITE) ||
	    madvise(aligned, nr * HUGE_BYTES, MADV_HUGEPAGE)) {
		pr_perror("mapping %zu huge pages", nr);
		exit(1);
	}
	return aligned;
}

/* After the first touch of all of it. */
static inline void huge_require(const void *memory, size_t nr)
{
	size_t kib = huge_kib(memory);

	if (kib == nr * HUGE_BYTES / 1024)
		return;
	skip("%zu KiB of huge pages where there should be %zu", kib, nr * HUGE_BYTES / 1024);
	exit(1);
}

/* An area of nr huge pages, filled with generation 1. */
static inline void area_map_huge(struct area *area, size_t nr)
{
	area_use(area, huge_map(nr), nr * HUGE_PAGES);
	area_fill(area, 0, area->pages, 1);
	huge_require(area->memory, nr);
}

#endif
