// SPDX-License-Identifier: GPL-2.0-only
#define AFTER_CHANGE(memory, bytes) msync(memory, bytes, MS_SYNC)
#include "shared_kinds.h"

const char *test_doc = "A file mapped shared, written by two processes, with msync()";
const char *test_author = "criu-lazy-wp";

static void *map_shared(int shape)
{
	char name[32];
	int fd;
	void *memory;

	ssprintf(name, "shared_file.%d.test", shape);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, PAGES * page_size()))
		pr_perror("%s", name);
	memory = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

int main(int argc, char **argv)
{
	return shared_main(argc, argv);
}
