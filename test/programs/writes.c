// SPDX-License-Identifier: GPL-2.0-only
// A dumpee of which is known what it writes:
//	writes nothing|scattered|huge|merge|protect|sparse --status FILE
// FILE gets "ready PID". Each SIGUSR1 makes it take one step, "ok PAGES" with how many pages of its
// own it wrote, beside what saying so writes: 64 scattered pages; one page in each of 16 huge pages;
// none, but a neighbour of 16 MiB is mapped, with which they can merge; none, but a page of these is made
// read-only and writable again; the 64 pages that exist in 64 GiB.
#include <signal.h>

#include "page.h"

#define AREA_PAGES   4096
#define FEW_PAGES    64
#define HUGE_PAGES   16
#define SPARSE_BYTES (UINT64_C(64) << 30)
#define STEPS_MAX    64

static uint8_t *area;
static uint64_t huge_bytes, step;

/* At the start of address space that is kept free for neighbours. */
static void map_area(uint64_t bytes, int advice)
{
	uint8_t *space = mmap(NULL, bytes + 2 * huge_bytes, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	area = (uint8_t *)(((uintptr_t)space + huge_bytes - 1) / huge_bytes * huge_bytes);
	if (space == MAP_FAILED || mprotect(area, bytes, PROT_READ | PROT_WRITE))
		exit(2);
	madvise(area, bytes, advice);
}

static unsigned int write_every(uint64_t bytes, uint64_t distance, uint64_t at)
{
	unsigned int nr = 0;

	for (; at < bytes; at += distance, nr++)
		area[at]++;
	return nr;
}

static void begin_area(void)
{
	map_area(AREA_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	write_every(AREA_PAGES * PAGE_BYTES, PAGE_BYTES, 0);
}

static unsigned int nothing(void)
{
	return 0;
}

static unsigned int scattered(void)
{
	return write_every(AREA_PAGES * PAGE_BYTES, AREA_PAGES / FEW_PAGES * PAGE_BYTES, 0);
}

static void begin_huge(void)
{
	map_area(HUGE_PAGES * huge_bytes, MADV_HUGEPAGE);
	write_every(HUGE_PAGES * huge_bytes, PAGE_BYTES, 0);
}

static unsigned int huge(void)
{
	return write_every(HUGE_PAGES * huge_bytes, huge_bytes, step * PAGE_BYTES);
}

static unsigned int merge(void)
{
	uint8_t *end = area + (AREA_PAGES + step - 1) * PAGE_BYTES;

	if (mmap(end, PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    madvise(end, PAGE_BYTES, MADV_NOHUGEPAGE))
		exit(2);
	return 0;
}

static unsigned int protect(void)
{
	uint8_t *page = area + step * PAGE_BYTES;

	if (mprotect(page, PAGE_BYTES, PROT_READ) ||
	    mprotect(page, PAGE_BYTES, PROT_READ | PROT_WRITE))
		exit(2);
	return 0;
}

static unsigned int sparse(void)
{
	return write_every(SPARSE_BYTES, SPARSE_BYTES / FEW_PAGES, 0);
}

static void begin_sparse(void)
{
	map_area(SPARSE_BYTES, MADV_NOHUGEPAGE);
	sparse();
}

static const struct pattern {
	const char *name;
	void (*begin)(void);
	unsigned int (*step)(void);
} patterns[] = {
	{ "nothing", begin_area, nothing }, { "scattered", begin_area, scattered },
	{ "huge", begin_huge, huge },       { "merge", begin_area, merge },
	{ "protect", begin_area, protect }, { "sparse", begin_sparse, sparse },
};

static const struct pattern *find_pattern(const char *name)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (!strcmp(patterns[i].name, name))
			return &patterns[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct pattern *pattern = argc == 4 ? find_pattern(argv[1]) : NULL;
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[32];
	sigset_t set;
	int number;

	if (!pattern || page_size != PAGE_BYTES) {
		fputs("usage: writes PATTERN --status FILE, with pages of 4 KiB\n", stderr);
		return 2;
	}
	huge_bytes = page_size / sizeof(uint64_t) * page_size;
	pattern->begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	snprintf(text, sizeof(text), "ready %d", getpid());
	status_append(argv[3], text);
	while (!sigwait(&set, &number) && ++step < STEPS_MAX) {
		snprintf(text, sizeof(text), "ok %u", pattern->step());
		status_append(argv[3], text);
	}
	return 1;
}
