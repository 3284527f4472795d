// SPDX-License-Identifier: GPL-2.0-only
#include "util/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve_one(struct range_set *set)
{
	size_t cap = set->cap ? 2 * set->cap : 16;
	struct range *v;

	if (set->nr < set->cap)
		return 0;
	v = reallocarray(set->v, cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	set->v = v;
	set->cap = cap;
	return 0;
}

size_t range_set_find(const struct range_set *set, uint64_t addr)
{
	size_t low = 0, high = set->nr;

	/* Sets are mostly made in order: then it is the end, or the last one. */
	if (!high || set->v[high - 1].end <= addr)
		return high;
	if (high == 1 || set->v[high - 2].end <= addr)
		return high - 1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->v[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Replaces the ranges [first, last) by one; last may equal first (pure insertion). */
static int replace(struct range_set *set, size_t first, size_t last, struct range with)
{
	int ret = first == last ? reserve_one(set) : 0;

	if (ret)
		return ret;
	memmove(set->v + first + 1, set->v + last, (set->nr - last) * sizeof(*set->v));
	set->nr = set->nr - (last - first) + 1;
	set->v[first] = with;
	return 0;
}

int range_set_add(struct range_set *set, uint64_t start, uint64_t end)
{
	struct range merged = { start, end };
	size_t first, last;

	if (start >= end)
		return 0;
	/* A range that ends exactly at start is adjacent and joins; hence start - 1. */
	first = range_set_find(set, start ? start - 1 : 0);
	for (last = first; last < set->nr && set->v[last].start <= end; last++) {
		if (set->v[last].start < merged.start)
			merged.start = set->v[last].start;
		if (set->v[last].end > merged.end)
			merged.end = set->v[last].end;
	}
	return replace(set, first, last, merged);
}

int range_set_add_all(struct range_set *set, const struct range_set *added)
{
	int ret = 0;

	for (size_t i = 0; i < added->nr && !ret; i++)
		ret = range_set_add(set, added->v[i].start, added->v[i].end);
	return ret;
}

int range_set_remove(struct range_set *set, uint64_t start, uint64_t end)
{
	size_t first = range_set_find(set, start), last;
	struct range tail;
	int ret;

	if (start >= end || first == set->nr || set->v[first].start >= end)
		return 0;
	if (set->v[first].start < start) {
		tail = (struct range){ end, set->v[first].end };
		if (tail.start < tail.end) {
			ret = replace(set, first + 1, first + 1, tail);
			if (ret)
				return ret;
		}
		set->v[first++].end = start;
	}
	for (last = first; last < set->nr && set->v[last].end <= end; last++)
		;
	if (last < set->nr && set->v[last].start < end)
		set->v[last].start = end;
	memmove(set->v + first, set->v + last, (set->nr - last) * sizeof(*set->v));
	set->nr -= last - first;
	return 0;
}

int range_set_intersect(const struct range_set *a, const struct range_set *b,
			struct range_set *ret_set)
{
	auto_range_set struct range_set out = { 0 };
	size_t i = 0, j = 0;

	while (i < a->nr && j < b->nr) {
		uint64_t start = a->v[i].start > b->v[j].start ? a->v[i].start : b->v[j].start;
		uint64_t end = a->v[i].end < b->v[j].end ? a->v[i].end : b->v[j].end;
		int ret = range_set_add(&out, start, end);

		if (ret)
			return ret;
		if (a->v[i].end < b->v[j].end)
			i++;
		else
			j++;
	}
	*ret_set = out;
	out = (struct range_set){ 0 };
	return 0;
}

int range_set_subtract(const struct range_set *a, const struct range_set *b,
		       struct range_set *ret_set)
{
	auto_range_set struct range_set out = { 0 };
	size_t j = 0;

	for (size_t i = 0; i < a->nr; i++) {
		uint64_t start = a->v[i].start;
		int ret = 0;

		while (j < b->nr && b->v[j].end <= start)
			j++;
		for (size_t k = j; k < b->nr && b->v[k].start < a->v[i].end && !ret; k++) {
			ret = range_set_add(&out, start, b->v[k].start);
			if (b->v[k].end > start)
				start = b->v[k].end;
		}
		if (!ret)
			ret = range_set_add(&out, start, a->v[i].end);
		if (ret)
			return ret;
	}
	*ret_set = out;
	out = (struct range_set){ 0 };
	return 0;
}

bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t end)
{
	size_t i = range_set_find(set, start);

	return i < set->nr && set->v[i].start <= start && end <= set->v[i].end;
}

uint64_t range_set_bytes(const struct range_set *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->nr; i++)
		sum += set->v[i].end - set->v[i].start;
	return sum;
}

void range_set_free(struct range_set *set)
{
	free(set->v);
	*set = (struct range_set){ 0 };
}
