// SPDX-License-Identifier: GPL-2.0-only
#include "test/fuzz/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* No target has more than that open, and new ones take the lowest numbers. */
#define DESCRIPTORS_LOOKED_AT 128

static int memory_file = -1, directory = -1;
static char directory_path[256];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat, (void)type, (void)ftw;
	return remove(path);
}

static void remove_directory(void)
{
	if (directory >= 0 && getpid() == owner)
		nftw(directory_path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void fuzz_fail(const char *file, int line, const char *function, const char *condition)
{
	fprintf(stderr, "%s:%d: %s: does not hold: %s\n", file, line, function, condition);
	remove_directory();
	abort();
}

int fuzz_memory_file(const uint8_t *data, size_t size)
{
	if (memory_file < 0)
		memory_file = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(memory_file >= 0);
	MUST(!ftruncate(memory_file, 0));
	MUST(pwrite(memory_file, data, size, 0) == (ssize_t)size);
	MUST(!lseek(memory_file, 0, SEEK_SET));
	return memory_file;
}

const char *fuzz_memory_path(void)
{
	static char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_file);
	return path;
}

FILE *fuzz_stream(const uint8_t *data, size_t size)
{
	FILE *stream;

	fuzz_memory_file(data, size);
	stream = fopen(fuzz_memory_path(), "re");
	MUST(stream);
	return stream;
}

int fuzz_directory(void)
{
	const char *parent = getenv("TMPDIR");

	if (directory >= 0)
		return directory;
	snprintf(directory_path, sizeof(directory_path), "%s/lazy-wp-fuzz.XXXXXX",
		 parent ? parent : "/tmp");
	MUST(mkdtemp(directory_path));
	owner = getpid();
	atexit(remove_directory);
	directory = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(directory >= 0);
	return directory;
}

void fuzz_link_memory_file(const char *name)
{
	MUST(memory_file >= 0);
	if (faccessat(fuzz_directory(), name, F_OK, AT_SYMLINK_NOFOLLOW))
		MUST(!symlinkat(fuzz_memory_path(), directory, name));
}

uint64_t fuzz_take_number(const uint8_t **data, size_t *size, size_t len_bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len_bytes && *size; i++) {
		number |= (uint64_t) * (*data)++ << (8 * i);
		--*size;
	}
	return number;
}

size_t fuzz_take_bytes(const uint8_t **data, size_t *size, size_t len, const uint8_t **ret_bytes)
{
	size_t taken = len < *size ? len : *size;

	*ret_bytes = *data;
	*data += taken;
	*size -= taken;
	return taken;
}

int fuzz_open_descriptors(void)
{
	int nr = 0;

	for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}
