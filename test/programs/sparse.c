// SPDX-License-Identifier: GPL-2.0-only
// A dumpee with a mapping of SIZE_GIB in which NR_PAGES pages exist, evenly spread; SIZE_GIB 0: none.
//	sparse SIZE_GIB NR_PAGES --status FILE
// FILE gets "ready PID". Then it only waits.
#include "page.h"

int main(int argc, char **argv)
{
	uint64_t size, nr_pages;
	uint8_t *memory;
	char line[64];

	if (argc != 5 || strcmp(argv[3], "--status")) {
		fprintf(stderr, "usage: sparse SIZE_GIB NR_PAGES --status FILE\n");
		return 2;
	}
	size = strtoull(argv[1], NULL, 10) << 30;
	nr_pages = size ? strtoull(argv[2], NULL, 10) : 0;
	memory = size ? mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) :
			NULL;
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	if (memory) /* one page each, also where huge pages are given to everybody */
		madvise(memory, size, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < nr_pages; i++)
		memory[size / nr_pages * i / PAGE_BYTES * PAGE_BYTES] = 1;
	snprintf(line, sizeof(line), "ready %d", getpid());
	status_append(argv[4], line);
	for (;;)
		pause();
}
