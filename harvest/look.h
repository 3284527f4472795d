/* SPDX-License-Identifier: GPL-2.0-only */
/* What an iteration would find now, without beginning one: no keeper is asked, no task touched. */
#ifndef LAZY_WP_HARVEST_LOOK_H
#define LAZY_WP_HARVEST_LOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "track/kind.h"

struct harvest_view {
	uint64_t pages_dirty;    /* written, or not tracked: an estimate */
	uint64_t pages_resident; /* of all processes */
	uint64_t smaps_us;       /* reading the lists of mappings, as a dump must in its freeze */
};

/*
 * Looks at the tree under root, tracked by tracker, while it runs. -ESRCH: it is gone; -EACCES,
 * -ENOMEM.
 */
int harvest_look(pid_t root, enum track_kind tracker, struct harvest_view *ret_view);

#endif
