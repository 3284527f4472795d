/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing an image in CRIU's framing (see stream.h): magic numbers, then messages behind their
 * lengths. The image is written under a temporary name and appears under its own, complete and
 * synced, at image_writer_commit(); image_writer_abandon() leaves nothing.
 */
#ifndef LAZY_WP_IMAGE_WRITER_H
#define LAZY_WP_IMAGE_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

/*
 * The mode of CRIU's own images: to restore a tree with a user namespace it reads them as a user of
 * that, who is nobody outside. Who may see them is up to the directory.
 */
#define IMAGE_MODE 0644

struct image_writer {
	FILE *file;
	int dir_fd; /* the caller's */
	char name[48], temporary[64];
};

/* first may be 0: there is none. Errors of openat(2), -ENAMETOOLONG, -EIO. */
int image_writer_open(struct image_writer *ret_writer, int dir_fd, const char *name, uint32_t first,
		      uint32_t magic);

/* Appends one message. -ENOSPC and other errors of write(2), -ENOMEM. */
int image_writer_add(struct image_writer *writer, const ProtobufCMessage *message);

/* Syncs, closes and renames; on failure nothing of it stays. */
int image_writer_commit(struct image_writer *writer);

/* The same without the sync, for whoever syncs everything later. */
int image_writer_publish(struct image_writer *writer);

/* For a writer that was not committed; harmless after that. */
void image_writer_abandon(struct image_writer *writer);
#define auto_image_writer __attribute__((cleanup(image_writer_abandon)))

#endif
