// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "shared_kinds.h"

const char *test_doc = "SysV shared memory, written by this process and by its child";
const char *test_author = "criu-lazy-wp";

/* CRIU dumps segments with their namespace only, so the test has one of its own. */
static void *map_shared(int shape)
{
	void *memory;
	int id;

	if (shape == 0 && unshare(CLONE_NEWIPC)) {
		skip("no IPC namespace: %s", strerror(errno));
		exit(1);
	}
	id = shmget(IPC_PRIVATE, PAGES * page_size(), IPC_CREAT | 0600);
	memory = shmat(id, NULL, 0);
	return memory == (void *)-1 ? MAP_FAILED : memory;
}

int main(int argc, char **argv)
{
	return shared_main(argc, argv);
}
