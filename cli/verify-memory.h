/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading what a stopped task has at an address, and what the file of a private mapping has
 * there. Only reading; the descriptors are the caller's. Reading a page that does not exist would
 * make the kernel map one: callers ask only for pages that do, or that a file backs.
 */
#ifndef LAZY_WP_CLI_VERIFY_MEMORY_H
#define LAZY_WP_CLI_VERIFY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "track/vma.h"

/*
 * Reads the pages of [address, address + nr_pages) for which wanted is true into bytes; readable
 * tells for each of those whether it could be read.
 */
void verify_memory_read(int mem_fd, uint64_t address, uint64_t nr_pages, const bool *wanted,
			uint8_t *bytes, bool *readable);

/* Opens the file of a mapping. -errno (needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN). */
int verify_file_open(pid_t pid, const struct track_vma *vma);

/* One page of the file as the mapping shows it at address; beyond its end are zeros. -errno. */
int verify_file_read(int file_fd, const struct track_vma *vma, uint64_t address, uint8_t *bytes);

#endif
