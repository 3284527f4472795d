// SPDX-License-Identifier: GPL-2.0-only
// A dumpee with two huge pages, if the machine gives it any:
//	thrown --status FILE
// FILE gets "ready KIB" with how much of them is in huge pages. SIGUSR2: the first is thrown away and
// read again, "thrown". SIGUSR1: every byte is checked, "ok" or "BAD ...".
#include <signal.h>

#include "page.h"

#define FILLED 0xab

static const char *status;
static size_t huge_bytes;
static bool is_thrown;

/* The size of one huge page here: a page table full of pages. */
static size_t find_huge_bytes(void)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	return page_bytes * (page_bytes / sizeof(uint64_t));
}

static uint8_t *map_aligned(size_t len)
{
	uintptr_t memory = (uintptr_t)page_map(len + huge_bytes);

	return (uint8_t *)((memory + huge_bytes - 1) / huge_bytes * huge_bytes);
}

/* AnonHugePages of the mapping that has address. */
static unsigned long huge_kib(const void *address)
{
	unsigned long start, end, kib, found = 0;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool inside = false;
	char line[512];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)address && (uintptr_t)address < end;
		else if (inside && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			found = kib;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

static void throw_away(uint8_t *memory)
{
	if (madvise(memory, huge_bytes, MADV_DONTNEED))
		exit(2);
	for (size_t i = 0; i < huge_bytes; i += PAGE_BYTES)
		*(volatile uint8_t *)(memory + i);
	is_thrown = true;
	status_append(status, "thrown");
}

static void check(const uint8_t *memory)
{
	size_t wrong = 0;
	char text[64];

	for (size_t i = 0; i < 2 * huge_bytes; i++)
		wrong += memory[i] != (is_thrown && i < huge_bytes ? 0 : FILLED);
	snprintf(text, sizeof(text), wrong ? "BAD %zu bytes" : "ok", wrong);
	status_append(status, text);
}

int main(int argc, char **argv)
{
	char text[64];
	uint8_t *memory;
	sigset_t set;
	int signal;

	if (argc != 3 || strcmp(argv[1], "--status")) {
		fprintf(stderr, "usage: thrown --status FILE\n");
		return 2;
	}
	status = argv[2];
	huge_bytes = find_huge_bytes();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memory = map_aligned(2 * huge_bytes);
	madvise(memory, 2 * huge_bytes, MADV_HUGEPAGE);
	memset(memory, FILLED, 2 * huge_bytes);
	snprintf(text, sizeof(text), "ready %lu", huge_kib(memory));
	status_append(status, text);
	while (!sigwait(&set, &signal)) {
		if (signal == SIGUSR2)
			throw_away(memory);
		else
			check(memory);
	}
	return 2;
}
