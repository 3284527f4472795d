/* SPDX-License-Identifier: GPL-2.0-only */
/* Areas of the usual kinds for areas_test(), and what may follow a change of them. */
#ifndef ZDTM_SETUPS_H
#define ZDTM_SETUPS_H

#include "memory.h"

#define PAGES     96 /* of every area but huge ones; divides by 2, 3 and 4 */
#define HUGE_SIZE (2UL << 20)

static struct area areas[SHAPES];
static void (*areas_change)(struct area *area);

static inline void areas_change_shape(int shape)
{
	areas_change(&areas[shape]);
}

/* A whole test but its verdict: setup() and later change() for each of the two areas. */
static inline void areas_run(int argc, char **argv, void (*setup)(struct area *area),
			     void (*change)(struct area *area))
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++)
		setup(&areas[shape]);
	areas_change = change;
	test_daemon();
	run_shapes(areas_change_shape);
}

static inline int areas_test(int argc, char **argv, void (*setup)(struct area *area),
			     void (*change)(struct area *area))
{
	areas_run(argc, argv, setup, change);
	return areas_verdict(areas);
}

/* A change that fails would leave nothing to test. */
#define MUST(call)                            \
	do {                                  \
		if ((intptr_t)(call) == -1) { \
			fail("%s", #call);    \
			exit(1);              \
		}                             \
	} while (0)

/* The name of the area's file, in the current directory. */
static inline const char *area_file(const struct area *area)
{
	static char name[64];

	snprintf(name, sizeof(name), "%.40s.%zu.test", program_invocation_short_name,
		 (size_t)(area - areas));
	return name;
}

/* Every page written. */
static inline void setup_anon(struct area *area)
{
	area_map(area, PAGES);
	area_fill(area, 0, PAGES, 1);
}

/* A private mapping of a file: every other page copied by a write, the others the file's own. */
static inline void setup_file(struct area *area)
{
	int fd = file_make(area_file(area), PAGES, 1);

	area_use(area, mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
		 PAGES);
	close(fd);
	area_expect(area, 0, PAGES, 1);
	area_touch(area, 0, PAGES);
	for (size_t page = 0; page < PAGES; page += 2)
		area_fill(area, page, 1, 2);
}

/* The number of kB that smaps has in a line of that name for the mapping that begins at memory. */
static inline unsigned long smaps_kib(const void *memory, const char *name)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib = 0;
	char line[512];
	bool here = false;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)memory && (uintptr_t)memory < end;
		else if (here && !strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), " %lu", &kib);
	}
	if (smaps)
		fclose(smaps);
	return kib;
}

/* One huge page, every small page of it written. Skips the test where there is none to be had. */
static inline void setup_thp(struct area *area)
{
	uint8_t *memory = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *aligned = (void *)(((uintptr_t)memory + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));

	MUST(memory);
	munmap(memory, (size_t)(aligned - memory));
	munmap(aligned + HUGE_SIZE, (size_t)(memory + HUGE_SIZE - aligned));
	area_use(area, aligned, HUGE_SIZE / page_size());
	madvise(aligned, HUGE_SIZE, MADV_HUGEPAGE);
	area_fill(area, 0, area->pages, 1);
	if (smaps_kib(aligned, "AnonHugePages:") != HUGE_SIZE >> 10) {
		skip("no transparent huge page to be had here");
		exit(1);
	}
}

/* Of the first pages a third is left alone, a third is read, a third is written. */
static inline void aftermath(struct area *area, size_t pages)
{
	area_touch(area, pages / 3, pages / 3);
	area_fill(area, 2 * (pages / 3), pages / 3, 3);
}

#endif
