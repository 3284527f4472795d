/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying pages out of a running task. A chunk is a few ranges of its memory, by ascending
 * address, and their bytes one after the other. Pages that cannot be read (unmapped meanwhile, a
 * guard, the task gone) drop out of the chunk: what is not in the images is never called clean.
 * A source belongs to the caller, may be used by several threads, and holds one descriptor.
 *
 * /proc/PID/mem, and never process_vm_readv(2): that one pins what it reads, and before a page that
 * is shared after a fork is pinned, the kernel copies it. So all sharing in the tree would end. And
 * no page table calls the copies dirty: when one is shared by another fork and the child frees its
 * share with MADV_FREE, the next reclaim throws the parent's page away (Linux 6.18).
 */
#ifndef LAZY_WP_HARVEST_COPY_H
#define LAZY_WP_HARVEST_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/range.h"

#define HARVEST_CHUNK_BYTES (UINT64_C(1) << 20)
#define HARVEST_CHUNK_PARTS 256

struct harvest_part {
	uint64_t start, end;
	uint64_t offset; /* of its bytes in the chunk; nothing for a part in the parent */
	bool in_parent;
};

struct harvest_chunk {
	struct harvest_part parts[2 * HARVEST_CHUNK_PARTS]; /* reading may split a part */
	size_t nr_parts;
	uint64_t len;   /* of all parts' bytes */
	uint8_t *bytes; /* HARVEST_CHUNK_BYTES */
};

struct harvest_source {
	int mem_fd; /* /proc/PID/mem */
};

/* -ESRCH, -EACCES. */
int harvest_source_open(pid_t pid, struct harvest_source *ret_source);
void harvest_source_close(struct harvest_source *source);

/*
 * Reads the bytes of every part that is not in the parent, also of mappings that the task itself
 * may not read. The parts are changed to what could be read.
 */
void harvest_copy(const struct harvest_source *source, struct harvest_chunk *chunk);

#endif
