// SPDX-License-Identifier: GPL-2.0-only
#include "userfaultfd.h"

const char *test_doc = "A tracked task opens a userfaultfd: what we have registered is busy until "
		       "the next iteration sees it, other memory is not";
const char *test_author = "criu-lazy-wp";

static struct own own;
static struct area its[SHAPES]; /* the first is mapped before the first pre-dump */

/* The memory that we track is refused, a mapping made since is not. */
static int open_own(void)
{
	int busy;

	must(own_open(&own), "userfaultfd");
	busy = own_register(&own, &its[0]);
	if (busy != -EBUSY)
		return fail("UFFDIO_REGISTER of tracked memory says %d", busy);
	area_map(&its[1], PAGES);
	must(!own_register(&own, &its[1]), "UFFDIO_REGISTER of new memory");
	own_start(&own, &its[1]);
	return own_use(&own, 0, PAGES / 2);
}

/* By then the task is not tracked any more: it can have all of its memory. */
static int use_all(void)
{
	if (own_use(&own, PAGES / 2, PAGES / 2))
		return 1;
	must(!own_register(&own, &its[0]), "UFFDIO_REGISTER of memory tracked before");
	own_stop(&own);
	must(own_open(&own) && !own_register(&own, &its[0]), "another userfaultfd");
	own_start(&own, &its[0]);
	if (own_use(&own, 0, PAGES / 2))
		return 1;
	own_stop(&own);
	return 0;
}

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check() || area_check(&its[0], "tracked first, then its own") ||
		       area_check(&its[1], "its own from the start");
	area_fill(&areas[step], 0, PAGES / 2, 2);
	return step ? use_all() : open_own();
}

static void change(int shape)
{
	child_do(&children[0], shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (!own_open(&own)) {
		skip("no userfaultfd with missing and write-protect modes here");
		return 1;
	}
	close(own.uffd);
	fork_areas();
	area_map(&its[0], PAGES);
	child_start(&children[0], act);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
