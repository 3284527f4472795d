// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/copy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "util/process.h"

int harvest_source_open(pid_t pid, struct harvest_source *ret_source)
{
	int fd = process_open_memory(pid);

	if (fd < 0)
		return fd;
	*ret_source = (struct harvest_source){ .mem_fd = fd };
	return 0;
}

void harvest_source_close(struct harvest_source *source)
{
	close(source->mem_fd);
}

static bool copy_range(const struct harvest_source *source, uint64_t start, uint64_t end,
		       uint8_t *bytes)
{
	ssize_t len = (ssize_t)(end - start);

	return pread(source->mem_fd, bytes, (size_t)len, (off_t)start) == len;
}

/* True if every byte of the chunk was got: the usual case. */
static bool copy_at_once(const struct harvest_source *source, struct harvest_chunk *chunk)
{
	for (size_t i = 0; i < chunk->nr_parts; i++) {
		const struct harvest_part *part = &chunk->parts[i];

		if (!part->in_parent &&
		    !copy_range(source, part->start, part->end, chunk->bytes + part->offset))
			return false;
	}
	return true;
}

static void append_page(struct harvest_chunk *chunk, uint64_t address, uint64_t offset)
{
	struct harvest_part *last = chunk->nr_parts ? &chunk->parts[chunk->nr_parts - 1] : NULL;
	uint64_t size = image_page_size();

	if (last && !last->in_parent && last->end == address &&
	    last->offset + (last->end - last->start) == offset) {
		last->end += size;
		return;
	}
	chunk->parts[chunk->nr_parts++] = (struct harvest_part){
		.start = address,
		.end = address + size,
		.offset = offset,
	};
}

/*
 * Page by page. Every part that is split has lost a page, so the new parts are not more than there
 * is room for: a chunk has no more pages than that.
 */
static void copy_one_by_one(const struct harvest_source *source, struct harvest_chunk *chunk)
{
	struct harvest_chunk old = *chunk;
	uint64_t size = image_page_size();

	chunk->nr_parts = 0;
	for (size_t i = 0; i < old.nr_parts; i++) {
		const struct harvest_part *part = &old.parts[i];

		if (part->in_parent) {
			chunk->parts[chunk->nr_parts++] = *part;
			continue;
		}
		for (uint64_t at = part->start; at < part->end; at += size) {
			uint64_t offset = part->offset + (at - part->start);

			if (copy_range(source, at, at + size, chunk->bytes + offset))
				append_page(chunk, at, offset);
		}
	}
}

void harvest_copy(const struct harvest_source *source, struct harvest_chunk *chunk)
{
	if (!copy_at_once(source, chunk))
		copy_one_by_one(source, chunk);
}
