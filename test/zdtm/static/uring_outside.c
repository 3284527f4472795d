// SPDX-License-Identifier: GPL-2.0-only
#include <sys/wait.h>

#include "uring.h"

#include "lock.h" /* needs the one above, in CRIU's tree */

const char *test_doc =
	"io_uring: only a process outside of the tree still has the ring's descriptor";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define FILE_NAME "uring_outside.test"

static struct area areas[SHAPES];
static struct ring rings[SHAPES];
static futex_t *step; /* shared: 10 and 20 ask for a read, 11 and 21 are the answers */

static void helper_main(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		int file = open(FILE_NAME, O_RDONLY | O_CLOEXEC);

		futex_wait_while_lt(step, 10 * (uint32_t)shape + 10);
		ring_read_fixed(&rings[shape], file, 0, areas[shape].memory,
				PAGES / 2 * page_size());
		close(rings[shape].fd);
		close(file);
		futex_set_and_wake(step, 10 * (uint32_t)shape + 11);
	}
	_exit(0);
}

/* An orphan in a session of its own. */
static void start_helper(void)
{
	pid_t middle = fork();

	if (middle == 0) {
		if (fork() == 0) {
			setsid();
			helper_main();
		}
		_exit(0);
	}
	waitpid(middle, NULL, 0);
}

static void change(int shape)
{
	futex_set_and_wake(step, 10 * (uint32_t)shape + 10);
	futex_wait_while_lt(step, 10 * (uint32_t)shape + 11);
	area_expect(&areas[shape], 0, PAGES / 2, 2);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	close(file_make(FILE_NAME, PAGES, 2));
	step = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int shape = 0; shape < SHAPES; shape++) {
		area_map(&areas[shape], PAGES);
		ring_create(&rings[shape]);
	}
	start_helper();
	for (int shape = 0; shape < SHAPES; shape++) {
		area_fill(&areas[shape], 0, PAGES, 1);
		if (ring_register_buffer(&rings[shape], areas[shape].memory, PAGES * page_size()))
			return 1;
		close(rings[shape].fd);
	}
	test_daemon();
	run_shapes(change);
	unlink(FILE_NAME);
	return areas_verdict(areas);
}
