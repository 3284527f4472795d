// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/plan.h"

void harvest_plan_begin(struct harvest_plan *ret_plan, const struct range_set *copy,
			const struct range_set *in_parent)
{
	*ret_plan = (struct harvest_plan){ .copy = copy, .in_parent = in_parent };
}

/* The rest of a set's next range, from plan->at on; false if there is none. */
static bool rest_of(const struct range_set *set, size_t *next, uint64_t at, struct range *ret_rest)
{
	while (*next < set->nr && set->v[*next].end <= at)
		++*next;
	if (*next == set->nr)
		return false;
	*ret_rest = set->v[*next];
	if (ret_rest->start < at)
		ret_rest->start = at;
	return true;
}

static bool next_range(struct harvest_plan *plan, struct harvest_part *ret_part)
{
	struct range copy, in_parent;
	bool any_copy = rest_of(plan->copy, &plan->next_copy, plan->at, &copy);
	bool any_parent = rest_of(plan->in_parent, &plan->next_in_parent, plan->at, &in_parent);
	bool parent_first = any_parent && (!any_copy || in_parent.start < copy.start);
	const struct range *range = parent_first ? &in_parent : &copy;

	if (!any_copy && !any_parent)
		return false;
	*ret_part = (struct harvest_part){
		.start = range->start,
		.end = range->end,
		.in_parent = parent_first,
	};
	return true;
}

bool harvest_plan_next(struct harvest_plan *plan, struct harvest_chunk *chunk)
{
	chunk->nr_parts = 0;
	chunk->len = 0;
	while (chunk->nr_parts < HARVEST_CHUNK_PARTS && chunk->len < HARVEST_CHUNK_BYTES) {
		struct harvest_part *part = &chunk->parts[chunk->nr_parts];
		uint64_t room = HARVEST_CHUNK_BYTES - chunk->len;

		if (!next_range(plan, part))
			break;
		if (!part->in_parent) {
			if (part->end - part->start > room)
				part->end = part->start + room;
			part->offset = chunk->len;
			chunk->len += part->end - part->start;
		}
		plan->at = part->end;
		chunk->nr_parts++;
	}
	return chunk->nr_parts;
}
