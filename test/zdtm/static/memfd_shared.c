// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

const char *test_doc = "A memfd mapped shared, changed through descriptor, other mapping and holes";
const char *test_author = "criu-lazy-wp";

#define PAGES 64
#define GROUP (PAGES / 4)

static struct area areas[SHAPES];
static int memfds[SHAPES];

static void write_through_descriptor(struct area *area, int fd, size_t first, size_t pages)
{
	uint8_t *page = malloc(page_size());

	area_expect(area, first, pages, 2);
	for (size_t i = first; i < first + pages; i++) {
		page_make(page, area->expected[i]);
		if (pwrite(fd, page, page_size(), i * page_size()) != (ssize_t)page_size())
			pr_perror("pwrite");
	}
	free(page);
}

static void write_through_other_mapping(struct area *area, int fd, size_t first, size_t pages)
{
	uint8_t *other = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      first * page_size());

	area_expect(area, first, pages, 3);
	for (size_t i = 0; i < pages; i++)
		page_make(other + i * page_size(), area->expected[first + i]);
	munmap(other, pages * page_size());
}

/* Four groups of pages: pwrite(), another mapping, a hole, cut off and made longer again. */
static void change(int shape)
{
	struct area *area = &areas[shape];
	int fd = memfds[shape];

	write_through_descriptor(area, fd, 0, GROUP);
	write_through_other_mapping(area, fd, GROUP, GROUP);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * GROUP * page_size(),
		      GROUP * page_size()) ||
	    ftruncate(fd, 3 * GROUP * page_size()) || ftruncate(fd, PAGES * page_size()))
		pr_perror("making holes");
	area_expect(area, 2 * GROUP, 2 * GROUP, 0);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int shape = 0; shape < SHAPES; shape++) {
		memfds[shape] = memfd_create("memfd_shared", MFD_CLOEXEC);
		if (memfds[shape] < 0 || ftruncate(memfds[shape], PAGES * page_size()))
			pr_perror("memfd_create");
		area_use(&areas[shape],
			 mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			      memfds[shape], 0),
			 PAGES);
		area_fill(&areas[shape], 0, PAGES, 1);
	}
	test_daemon();
	run_shapes(change);
	return areas_verdict(areas);
}
