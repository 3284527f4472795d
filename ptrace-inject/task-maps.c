// SPDX-License-Identifier: GPL-2.0-only
#include "ptrace-inject/task-maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAPS_LINE_MAX (INJECT_MAPS_CHUNK_BYTES - 1)

/* Next byte, or -1 at the end. */
static int next_byte(struct inject_maps_reader *reader)
{
	if (reader->used == reader->len) {
		ssize_t len = read(reader->fd, reader->buffer, sizeof(reader->buffer));

		if (len <= 0)
			return -1;
		reader->len = (size_t)len;
		reader->used = 0;
	}
	return (unsigned char)reader->buffer[reader->used++];
}

bool inject_maps_next(struct inject_maps_reader *reader, struct inject_mapping *ret_mapping)
{
	char line[MAPS_LINE_MAX + 1], permissions[5] = "";
	size_t len = 0;
	int byte;

	while ((byte = next_byte(reader)) >= 0 && byte != '\n')
		if (len < MAPS_LINE_MAX)
			line[len++] = (char)byte;
	line[len] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &ret_mapping->start, &ret_mapping->end,
		   permissions) != 3 ||
	    ret_mapping->start >= ret_mapping->end)
		return false;
	ret_mapping->executable = permissions[2] == 'x';
	/* A file's name starts with '/', so only the kernel writes " [vdso]". */
	ret_mapping->vdso = len > 7 && !strcmp(line + len - 7, " [vdso]") && !strchr(line, '/');
	return true;
}
