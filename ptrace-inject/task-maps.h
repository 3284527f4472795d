/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/TID/maps line by line, as far as the search for code needs it. No allocation; path names
 * longer than the buffer are cut, not misread. The descriptor is the caller's.
 */
#ifndef LAZY_WP_PTRACE_INJECT_TASK_MAPS_H
#define LAZY_WP_PTRACE_INJECT_TASK_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INJECT_MAPS_CHUNK_BYTES 4096

struct inject_mapping {
	uint64_t start, end; /* bytes */
	bool executable, vdso;
};

/* All zero but fd: at the beginning of the file. */
struct inject_maps_reader {
	int fd;
	size_t used, len;
	char buffer[INJECT_MAPS_CHUNK_BYTES];
};

/* The next mapping; false at the end, and at a line that is none. */
bool inject_maps_next(struct inject_maps_reader *reader, struct inject_mapping *ret_mapping);

#endif
