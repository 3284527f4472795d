/* SPDX-License-Identifier: GPL-2.0-only */
/* Moving mappings by mremap(2). */
#ifndef ZDTM_MOVING_H
#define ZDTM_MOVING_H

#include "setups.h"

/* Room for a mapping, freed again: a place to move to. */
static inline void *free_place(size_t size)
{
	void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(place);
	munmap(place, size);
	return place;
}

static inline void *move(void *from, size_t size, size_t new_size, void *to)
{
	void *moved = mremap(from, size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	MUST(moved);
	return moved;
}

#endif
