/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be done for one task, cut into chunks: pages to copy and pages that the parent has,
 * together by ascending address. The sets are the caller's and outlive the plan; used from one
 * thread at a time.
 */
#ifndef LAZY_WP_HARVEST_PLAN_H
#define LAZY_WP_HARVEST_PLAN_H

#include <stdbool.h>

#include "harvest/copy.h"

struct harvest_plan {
	const struct range_set *copy, *in_parent; /* disjoint */
	size_t next_copy, next_in_parent;         /* ranges */
	uint64_t at;                              /* everything below is done */
};

void harvest_plan_begin(struct harvest_plan *ret_plan, const struct range_set *copy,
			const struct range_set *in_parent);

/* Fills the next chunk, without its bytes. False: there is nothing left. */
bool harvest_plan_next(struct harvest_plan *plan, struct harvest_chunk *chunk);

#endif
