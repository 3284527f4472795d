// SPDX-License-Identifier: GPL-2.0-only
#include "shared_kinds.h"

const char *test_doc = "POSIX shared memory (a file in /dev/shm), written by two processes";
const char *test_author = "criu-lazy-wp";

/* Without a name from the start, or it would stay when the test is killed. */
static void *map_shared(int shape)
{
	char name[32];
	void *memory;
	int fd;

	ssprintf(name, "/lazy-wp-%d-%d", getpid(), shape);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || shm_unlink(name) || ftruncate(fd, PAGES * page_size()))
		pr_perror("%s", name);
	memory = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

int main(int argc, char **argv)
{
	return shared_main(argc, argv);
}
