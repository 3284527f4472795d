/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of ways to write share. A way puts whole pages: targets[i] gets the bytes of
 * sources[i]. It is used on every other page of anonymous memory (half of it filled, half never
 * touched) and of a private file mapping (half of it copied, half never touched).
 */
#ifndef ZDTM_WRITES_H
#define ZDTM_WRITES_H

#include <sys/uio.h>

#include "memory.h"

#define WRITES_PAGES   32
#define WRITES_AT_ONCE (WRITES_PAGES / 2)

static struct area anonymous_areas[SHAPES], file_areas[SHAPES];

static void (*put_pages)(const struct iovec *targets, const struct iovec *sources, int pages);

static inline void writes_setup(const char *file_name)
{
	int fd = file_make(file_name, WRITES_PAGES, 1);

	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&anonymous_areas[shape], WRITES_PAGES);
		area_fill(&anonymous_areas[shape], 0, WRITES_PAGES / 2, 1);
		area_use(&file_areas[shape],
			 mmap(NULL, WRITES_PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
			      fd, 0),
			 WRITES_PAGES);
		area_expect(&file_areas[shape], 0, WRITES_PAGES, 1);
		area_fill(&file_areas[shape], 0, WRITES_PAGES / 2, 2);
	}
	close(fd);
}

/* The new pages stand in a buffer and come to where they belong by the test's way only. */
static inline void writes_area(struct area *area)
{
	struct iovec targets[WRITES_AT_ONCE], sources[WRITES_AT_ONCE];
	uint8_t *buffer = aligned_alloc(page_size(), WRITES_AT_ONCE * page_size());

	if (!buffer) {
		pr_perror("aligned_alloc");
		return;
	}
	for (size_t i = 0; i < WRITES_AT_ONCE; i++) {
		area_expect(area, 2 * i, 1, 3);
		targets[i] = (struct iovec){ area_page(area, 2 * i), page_size() };
		sources[i] = (struct iovec){ buffer + i * page_size(), page_size() };
		page_make(sources[i].iov_base, area->expected[2 * i]);
	}
	put_pages(targets, sources, WRITES_AT_ONCE);
	free(buffer);
}

static inline void writes_change(int shape)
{
	writes_area(&anonymous_areas[shape]);
	writes_area(&file_areas[shape]);
}

/* From test_daemon() to the verdict; returns main()'s result. */
static inline int writes_run(void (*put)(const struct iovec *, const struct iovec *, int))
{
	put_pages = put;
	test_daemon();
	run_shapes(writes_change);
	for (int shape = 0; shape < SHAPES; shape++)
		if (area_check(&anonymous_areas[shape], "anonymous") ||
		    area_check(&file_areas[shape], "private file mapping"))
			return 1;
	pass();
	return 0;
}

static inline int writes_main(int argc, char **argv, const char *file_name,
			      void (*put)(const struct iovec *, const struct iovec *, int))
{
	int result;

	test_init(argc, argv);
	writes_setup(file_name);
	result = writes_run(put);
	unlink(file_name);
	return result;
}

#endif
