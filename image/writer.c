// SPDX-License-Identifier: GPL-2.0-only
#include "image/writer.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/cleanup.h"

static int write_bytes(FILE *file, const void *bytes, size_t len)
{
	errno = 0;
	if (fwrite(bytes, 1, len, file) == len)
		return 0;
	return errno ? -errno : -EIO;
}

static int write_number(FILE *file, uint32_t number)
{
	uint32_t little = htole32(number);

	return write_bytes(file, &little, sizeof(little));
}

/* A leftover of a killed writer with our pid is overwritten. */
static int open_temporary(struct image_writer *writer)
{
	auto_close int fd = openat(writer->dir_fd, writer->temporary,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
				   IMAGE_MODE);

	writer->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!writer->file)
		return -errno;
	take_fd(&fd);
	return 0;
}

int image_writer_open(struct image_writer *ret_writer, int dir_fd, const char *name, uint32_t first,
		      uint32_t magic)
{
	struct image_writer writer = { .dir_fd = dir_fd };
	int ret;

	if (snprintf(writer.name, sizeof(writer.name), "%s", name) >= (int)sizeof(writer.name))
		return -ENAMETOOLONG;
	snprintf(writer.temporary, sizeof(writer.temporary), ".%s.%d", name, getpid());
	ret = open_temporary(&writer);
	if (!ret && first)
		ret = write_number(writer.file, first);
	if (!ret)
		ret = write_number(writer.file, magic);
	if (ret)
		image_writer_abandon(&writer);
	else
		*ret_writer = writer;
	return ret;
}

int image_writer_add(struct image_writer *writer, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	auto_free uint8_t *bytes = malloc(len + 1);
	int ret;

	if (!bytes)
		return -ENOMEM;
	protobuf_c_message_pack(message, bytes);
	ret = write_number(writer->file, (uint32_t)len);
	return ret ? ret : write_bytes(writer->file, bytes, len);
}

int image_writer_commit(struct image_writer *writer)
{
	int ret = fflush(writer->file) || fsync(fileno(writer->file)) ? -errno : 0;

	if (!ret)
		return image_writer_publish(writer);
	image_writer_abandon(writer);
	return ret;
}

int image_writer_publish(struct image_writer *writer)
{
	int ret = fflush(writer->file) ? -errno : 0;

	if (!ret && renameat(writer->dir_fd, writer->temporary, writer->dir_fd, writer->name))
		ret = -errno;
	if (ret)
		image_writer_abandon(writer);
	else
		fclose(take_ptr(writer->file));
	return ret;
}

void image_writer_abandon(struct image_writer *writer)
{
	if (!writer->file)
		return;
	fclose(take_ptr(writer->file));
	unlinkat(writer->dir_fd, writer->temporary, 0);
}
