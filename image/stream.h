/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRIU's framing of an image: one or two magic numbers, then messages, each behind its length;
 * all numbers are 32 bits, little-endian (CRIU writes them in host order, and both of our
 * architectures are little-endian). A reader is open from image_reader_open() to
 * image_reader_close() and owns its file and one message buffer. Files are hostile: a length is
 * compared with the caller's limit before anything is allocated, and only regular files are read.
 */
#ifndef LAZY_WP_IMAGE_STREAM_H
#define LAZY_WP_IMAGE_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "image/error.h"

#define IMAGE_MAGIC_COMMON    0x54564319u /* first in most images */
#define IMAGE_MAGIC_SERVICE   0x55105940u /* first in images that restore does not need */
#define IMAGE_MAGIC_PAGEMAP   0x56084025u
#define IMAGE_MAGIC_INVENTORY 0x58313116u /* has no other magic before it */
#define IMAGE_MAGIC_STATS     0x57093306u
#define IMAGE_MAGIC_CORE      0x55053847u
#define IMAGE_MAGIC_DIRTY_LOG 0x4450574cu /* ours, after the service one; the file reads "LWPD" */

#define IMAGE_NAME_MAX 4096 /* as PATH_MAX */

struct image_reader {
	FILE *file;
	char name[IMAGE_NAME_MAX];
	uint64_t offset; /* of the next unread byte */
	uint8_t *bytes;
	size_t cap;
	struct image_error *error; /* of the caller; outlives the reader */
};

/*
 * Opens name in dir_fd and reads the magic numbers: first (0: there is none) and magic.
 * -ENOENT, other errors of openat(2), -EBADMSG: not such an image. Nothing to close on failure.
 */
int image_reader_open(struct image_reader *ret_reader, int dir_fd, const char *name, uint32_t first,
		      uint32_t magic, struct image_error *error);

/*
 * The next message: 1, and *ret_bytes (the reader's, until the next call) and *ret_len; 0: the
 * file ends here; -EBADMSG: it is cut off in the middle, or longer than limit_bytes; -EIO, -ENOMEM.
 */
int image_reader_next(struct image_reader *reader, size_t limit_bytes, const uint8_t **ret_bytes,
		      size_t *ret_len);

/* Fills the error with the file's name and "near byte N", and returns -EBADMSG. */
int image_reader_bad(const struct image_reader *reader, const char *why);

void image_reader_close(struct image_reader *reader);
#define auto_image_reader __attribute__((cleanup(image_reader_close)))

/* The two magic numbers of name in dir_fd, whatever they are. -EBADMSG: too short. */
int image_read_magics(int dir_fd, const char *name, uint32_t ret_magics[2],
		      struct image_error *error);

#endif
