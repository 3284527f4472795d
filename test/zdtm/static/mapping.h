/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings that another one takes the place of. */
#ifndef ZDTM_MAPPING_H
#define ZDTM_MAPPING_H

#include "setups.h"

/* Puts a new mapping of another kind over [first, first + pages). */
static inline void map_over(struct area *area, size_t first, size_t pages, int flags, int fd)
{
	MUST(mmap(area_page(area, first), pages * page_size(), PROT_READ | PROT_WRITE,
		  flags | MAP_FIXED, fd, (off_t)(fd < 0 ? 0 : first * page_size())));
	if (fd >= 0)
		close(fd);
}

#endif
