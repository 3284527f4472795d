// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/pagemap.h"

/* Number of whole pages read from address on; it ends at the first that cannot be read. */
static uint64_t read_memory(int mem_fd, uint64_t address, uint64_t nr_pages, uint8_t *bytes)
{
	uint64_t page_size = image_page_size();
	ssize_t nr = pread(mem_fd, bytes, nr_pages * page_size, (off_t)address);

	return nr > 0 ? (uint64_t)nr / page_size : 0;
}

static void read_run(int mem_fd, uint64_t address, uint64_t nr_pages, uint8_t *bytes,
		     bool *readable)
{
	uint64_t page_size = image_page_size();
	uint64_t nr = read_memory(mem_fd, address, nr_pages, bytes);

	for (uint64_t i = 0; i < nr; i++)
		readable[i] = true;
	for (uint64_t i = nr; i < nr_pages; i++)
		readable[i] = read_memory(mem_fd, address + i * page_size, 1,
					  bytes + i * page_size) == 1;
}

void verify_memory_read(int mem_fd, uint64_t address, uint64_t nr_pages, const bool *wanted,
			uint8_t *bytes, bool *readable)
{
	uint64_t page_size = image_page_size(), end;

	for (uint64_t i = 0; i < nr_pages; i = end) {
		for (end = i + 1; end < nr_pages && wanted[end] == wanted[i]; end++)
			;
		if (wanted[i])
			read_run(mem_fd, address + i * page_size, end - i, bytes + i * page_size,
				 readable + i);
	}
}

/* map_files leads to the very file, also when it was deleted or is in another mount namespace. */
int verify_file_open(pid_t pid, const struct track_vma *vma)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, vma->start,
		 vma->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int verify_file_read(int file_fd, const struct track_vma *vma, uint64_t address, uint8_t *bytes)
{
	size_t page_size = image_page_size(), done = 0;
	uint64_t offset = vma->pgoff + (address - vma->start);

	while (done < page_size) {
		ssize_t nr = pread(file_fd, bytes + done, page_size - done, (off_t)(offset + done));

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return -errno;
		if (!nr)
			break;
		done += (size_t)nr;
	}
	memset(bytes + done, 0, page_size - done);
	return 0;
}
