/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares the private memory of a task with what `criu restore` would bring back from a
 * directory of images. The task must not run meanwhile (verify-stop.h, or the caller stops it);
 * it is only read, never attached to. Each page falls into one of these:
 *   equal      its bytes are what restore would bring
 *   pending    they differ, but the tracker does not call the page clean: the next iteration
 *              takes it; only where the directory has a dirty log of this very task
 *   left       its mapping is one that a pre-dump leaves out by design, or the task is younger
 *              than the pre-dump: the final dump takes it
 *   different  anything else: restored, the task would find other bytes
 * A task that dies meanwhile gives -ESRCH. Nothing is held between calls.
 */
#ifndef LAZY_WP_CLI_VERIFY_H
#define LAZY_WP_CLI_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "image/error.h"
#include "track/vma.h"
#include "util/process.h"

struct verify_counts {
	uint64_t equal, pending, left, different; /* pages */
	uint64_t shared_mappings;                 /* not compared: CRIU dumps them apart, whole */
};

struct verify_difference {
	const struct process_info *task;
	const struct track_vma *vma;
	uint64_t address;     /* of the page */
	const char *what;     /* how it differs; no bytes of the memory itself */
	const char *tracking; /* what the dirty log says of the page */
};

/* Called for each different page in ascending order; what it points to is gone afterwards. */
typedef void verify_report(const struct verify_difference *difference, void *arg);

struct verify_request {
	int dir;     /* the topmost image directory */
	bool final;  /* it is of a dump, not of a pre-dump: nothing may be left out */
	bool strict; /* nothing is pending or left */
	verify_report *report;
	void *report_arg;
};

/*
 * Compares one task and adds to counts. -ESRCH: it is gone; -EBADMSG: an image is corrupt;
 * -EACCES, -EPERM: no right to look; -ENOMEM and others. error says which.
 */
int verify_task(const struct verify_request *request, const struct process_info *task,
		struct verify_counts *counts, struct image_error *error);

#endif
