// SPDX-License-Identifier: GPL-2.0-only
#include "image/stream.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

int image_reader_bad(const struct image_reader *reader, const char *why)
{
	return image_fail(reader->error, -EBADMSG, "%.80s: near byte %llu: %s", reader->name,
			  (unsigned long long)reader->offset, why);
}

/* Number of bytes read, of a message's length at most: fewer only at the end of the file. -EIO. */
static int read_bytes(struct image_reader *reader, void *bytes, size_t len)
{
	size_t nr;

	errno = 0;
	nr = fread(bytes, 1, len, reader->file);
	reader->offset += nr;
	if (nr < len && ferror(reader->file))
		return image_fail(reader->error, errno ? -errno : -EIO, "%.80s: cannot read: %s",
				  reader->name, strerror(errno ? errno : EIO));
	return (int)nr;
}

/* 1, or 0 at the end of the file. */
static int read_number(struct image_reader *reader, uint32_t *ret_number)
{
	uint32_t number;
	int nr = read_bytes(reader, &number, sizeof(number));

	if (nr <= 0)
		return nr;
	if (nr < (int)sizeof(number))
		return image_reader_bad(reader, "the file is cut off");
	*ret_number = le32toh(number);
	return 1;
}

static int expect_magic(struct image_reader *reader, uint32_t magic)
{
	uint32_t found = 0;
	int ret = read_number(reader, &found);

	if (ret < 0)
		return ret;
	if (!ret || found != magic)
		return image_reader_bad(reader, "not an image of this kind (wrong magic number)");
	return 0;
}

/* O_NONBLOCK: opening a FIFO that somebody put there must not hang. */
static int open_regular(struct image_reader *reader, int dir_fd)
{
	auto_close int fd = openat(dir_fd, reader->name,
				   O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat))
		return image_fail(reader->error, -errno, "%.80s: cannot open: %s", reader->name,
				  strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return image_fail(reader->error, -EBADMSG, "%.80s: not a regular file",
				  reader->name);
	reader->file = fdopen(fd, "r");
	if (!reader->file)
		return image_fail(reader->error, -ENOMEM, "%.80s: out of memory", reader->name);
	take_fd(&fd);
	return 0;
}

static int prepare(struct image_reader *reader, int dir_fd, const char *name,
		   struct image_error *error)
{
	*reader = (struct image_reader){ .error = error };
	if (snprintf(reader->name, sizeof(reader->name), "%s", name) >= (int)sizeof(reader->name))
		return image_fail(error, -ENAMETOOLONG, "%.80s...: the name is too long", name);
	return open_regular(reader, dir_fd);
}

int image_reader_open(struct image_reader *ret_reader, int dir_fd, const char *name, uint32_t first,
		      uint32_t magic, struct image_error *error)
{
	auto_image_reader struct image_reader reader = { 0 };
	int ret = prepare(&reader, dir_fd, name, error);

	if (!ret && first)
		ret = expect_magic(&reader, first);
	if (!ret)
		ret = expect_magic(&reader, magic);
	if (ret)
		return ret;
	*ret_reader = reader;
	reader = (struct image_reader){ 0 };
	return 0;
}

static int reserve(struct image_reader *reader, size_t len)
{
	uint8_t *bytes;

	if (len <= reader->cap)
		return 0;
	bytes = realloc(reader->bytes, len);
	if (!bytes)
		return image_fail(reader->error, -ENOMEM, "%.80s: out of memory", reader->name);
	reader->bytes = bytes;
	reader->cap = len;
	return 0;
}

int image_reader_next(struct image_reader *reader, size_t limit_bytes, const uint8_t **ret_bytes,
		      size_t *ret_len)
{
	uint32_t len = 0;
	int nr, ret = read_number(reader, &len);

	if (ret <= 0)
		return ret;
	if (len > limit_bytes || len > INT32_MAX)
		return image_reader_bad(reader, "a message is longer than any can be");
	/* One byte at least: an empty message still needs an address. */
	ret = reserve(reader, len + 1);
	if (ret)
		return ret;
	nr = read_bytes(reader, reader->bytes, len);
	if (nr < 0)
		return nr;
	if ((uint32_t)nr < len)
		return image_reader_bad(reader, "the file is cut off");
	*ret_bytes = reader->bytes;
	*ret_len = len;
	return 1;
}

void image_reader_close(struct image_reader *reader)
{
	util_fclose_cleanup(&reader->file);
	free(reader->bytes);
	*reader = (struct image_reader){ 0 };
}

int image_read_magics(int dir_fd, const char *name, uint32_t ret_magics[2],
		      struct image_error *error)
{
	auto_image_reader struct image_reader reader = { 0 };
	uint32_t magics[2];
	int ret = prepare(&reader, dir_fd, name, error);

	if (ret)
		return ret;
	for (int i = 0; i < 2; i++) {
		ret = read_number(&reader, &magics[i]);
		if (ret < 0)
			return ret;
		if (!ret)
			return image_reader_bad(&reader, "too short for an image");
	}
	memcpy(ret_magics, magics, sizeof(magics));
	return 0;
}
