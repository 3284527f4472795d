// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <sys/wait.h>

#include "uring.h"

#include "lock.h" /* needs the one above, in CRIU's tree */

const char *test_doc = "io_uring: the ring is the child's, the registered buffer its parent's";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "uring_child.test"

static struct area areas[SHAPES];

/* Shared with the child. */
static struct {
	futex_t step;
	struct ring rings[SHAPES];
} * shared;

/* Steps: 1 the rings are made, 2 the parent has registered; then as the parent's change() says. */
static void child_main(void)
{
	for (int shape = 0; shape < SHAPES; shape++)
		ring_create(&shared->rings[shape]);
	futex_set_and_wake(&shared->step, 1);
	for (int shape = 0; shape < SHAPES; shape++) {
		int file = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

		futex_wait_while_lt(&shared->step, 10 * (uint32_t)shape + 10);
		ring_read_fixed(&shared->rings[shape], file, 0, areas[shape].memory,
				PAGES / 2 * page_size());
		close(shared->rings[shape].fd);
		close(file);
		futex_set_and_wake(&shared->step, 10 * (uint32_t)shape + 11);
	}
	for (;;)
		pause();
}

/* The pins count as the child's, which made the ring; this process has no descriptor of it. */
static void register_in_child(pid_t child)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);

	for (int shape = 0; shape < SHAPES; shape++) {
		struct ring ring = shared->rings[shape];

		ring.fd = (int)syscall(SYS_pidfd_getfd, pidfd, ring.fd, 0);
		if (ring.fd < 0 ||
		    ring_register_buffer(&ring, areas[shape].memory, PAGES * page_size()))
			exit(pr_perror("a ring of another process"));
		close(ring.fd);
	}
	close(pidfd);
}

static void change(int shape)
{
	futex_set_and_wake(&shared->step, 10 * (uint32_t)shape + 10);
	futex_wait_while_lt(&shared->step, 10 * (uint32_t)shape + 11);
	area_expect(&areas[shape], 0, PAGES / 2, 2);
}

int main(int argc, char **argv)
{
	pid_t child;

	test_init(argc, argv);
	close(file_make(FILE_NAME, PAGES, 2));
	shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int shape = 0; shape < SHAPES; shape++)
		area_map(&areas[shape], PAGES);
	ring_create(&shared->rings[0]); /* or this test is skipped */
	close(shared->rings[0].fd);
	child = test_fork();
	if (child == 0)
		child_main();
	for (int shape = 0; shape < SHAPES; shape++)
		area_fill(&areas[shape], 0, PAGES, 1);
	futex_wait_while_lt(&shared->step, 1);
	register_in_child(child);
	test_daemon();
	run_shapes(change);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
