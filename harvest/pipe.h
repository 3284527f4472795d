/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies one task's plan into its images: `jobs` threads copy chunks out of the task while the
 * calling thread writes them, in order. At most jobs + 1 chunks of memory are in use.
 */
#ifndef LAZY_WP_HARVEST_PIPE_H
#define LAZY_WP_HARVEST_PIPE_H

#include "harvest/plan.h"
#include "image/pages.h"

#define HARVEST_JOBS_MAX 64

struct harvest_pace {
	uint64_t bytes_a_second;  /* 0: no limit */
	uint64_t start_ns, bytes; /* since then, so many */
};

/*
 * Returns when all is written, or with the first error of image_pages_add(). pace may be shared by
 * successive calls. -ENOMEM, -EAGAIN: no thread could be made.
 */
int harvest_pipe_run(const struct harvest_source *source, struct harvest_plan *plan,
		     struct image_pages *pages, unsigned int jobs, struct harvest_pace *pace);

#endif
