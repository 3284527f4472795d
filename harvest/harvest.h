/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A live pre-dump: one iteration whose images are written while the tasks run. For each task what
 * was written is read and protected again in one atomic step, and then copied: whatever the task
 * writes after that step is written anew in the next iteration, so the copy may be of any moment.
 * The directory gets what CRIU's own pre-dump would leave there, and our dirty logs; stock CRIU
 * takes it as a parent. No task is stopped but for the moment in which its userfaultfd is made.
 * If this process dies in the middle the keeper knows, and the next iteration takes everything.
 */
#ifndef LAZY_WP_HARVEST_HARVEST_H
#define LAZY_WP_HARVEST_HARVEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/page-client.h"

struct harvest_request {
	pid_t root;
	const char *keeper;               /* path of lazy-wpd */
	int images;                       /* directory; the caller's */
	const char *parent;               /* relative to images, as --prev-images-dir; NULL: none */
	unsigned int jobs;                /* copying threads, at least 1 */
	uint64_t bytes_a_second;          /* 0: no limit */
	bool auto_dedup;                  /* pages written leave the parents: session_dedup() */
	struct image_page_client *server; /* gets the pages; the caller's; NULL: images does */
	/* Called when all is taken and nothing of the tree is going to be traced; NULL: nothing */
	void (*settled)(void *argument);
	void *argument;
};

struct harvest_result {
	uint64_t nr_tasks;
	uint64_t pages_written, pages_in_parent;
	uint64_t smaps_us; /* reading the lists of mappings, as a dump must in its freeze */
	uint64_t arm_us;   /* finding and protecting what was written, all tasks */
	uint64_t copy_us;  /* copying and writing */
	uint64_t total_us;
	uint64_t pages_dirty;     /* written again, when all was copied */
	uint64_t dirty_window_us; /* in so much time */
};

/*
 * Runs one iteration. -ESRCH: the root is gone; -EBUSY: another iteration runs; -ENOSPC and other
 * errors of writing. Everything is logged; on failure the iteration does not count.
 */
int harvest_run(const struct harvest_request *request, struct harvest_result *ret_result);

#endif
