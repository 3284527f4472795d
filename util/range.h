/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of addresses of another task, kept as sorted, disjoint, non-adjacent half-open ranges.
 * The empty set is all zero bytes ({ 0 }); whoever holds the struct owns it and ends it with
 * range_set_free() or auto_range_set. Addresses need no alignment here.
 */
#ifndef LAZY_WP_UTIL_RANGE_H
#define LAZY_WP_UTIL_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end; /* [start, end), bytes */
};

struct range_set {
	struct range *v;
	size_t nr, cap;
};

/* Adds [start, end); appending in ascending order is O(1). Empty ranges are ignored. -ENOMEM. */
int range_set_add(struct range_set *set, uint64_t start, uint64_t end);

/* Adds every range of added. -ENOMEM: some may be missing. */
int range_set_add_all(struct range_set *set, const struct range_set *added);

/* Removes [start, end) from the set. -ENOMEM. */
int range_set_remove(struct range_set *set, uint64_t start, uint64_t end);

/* ret_set = a AND b; ret_set = a AND NOT b. ret_set must be empty before; untouched on -ENOMEM. */
int range_set_intersect(const struct range_set *a, const struct range_set *b,
			struct range_set *ret_set);
int range_set_subtract(const struct range_set *a, const struct range_set *b,
		       struct range_set *ret_set);

/* Index of the first range whose end is above addr (== nr when there is none). O(log n). */
size_t range_set_find(const struct range_set *set, uint64_t addr);

bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t end);

/* Sum of all lengths, in bytes. */
uint64_t range_set_bytes(const struct range_set *set);

void range_set_free(struct range_set *set);
#define auto_range_set __attribute__((cleanup(range_set_free)))

#endif
