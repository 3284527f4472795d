/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of image/ and of verify: a directory of their own under $TMPDIR, and images made
 * by hand, byte for byte as CRIU writes them. The writer here shares no code with image/.
 */
#ifndef LAZY_WP_TEST_IMAGE_FILES_H
#define LAZY_WP_TEST_IMAGE_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "criu-images.pb-c.h"
#include "image/pagemap.h"

#define MAGIC_COMMON  0x54564319u
#define MAGIC_PAGEMAP 0x56084025u

struct bytes {
	uint8_t v[65536];
	size_t len;
};

static inline void add_bytes(struct bytes *bytes, const void *from, size_t len)
{
	assert_true(bytes->len + len <= sizeof(bytes->v));
	memcpy(bytes->v + bytes->len, from, len);
	bytes->len += len;
}

static inline void add_number(struct bytes *bytes, uint32_t number)
{
	uint8_t little[4] = { number & 255, number >> 8 & 255, number >> 16 & 255, number >> 24 };

	add_bytes(bytes, little, sizeof(little));
}

static inline void add_message(struct bytes *bytes, const ProtobufCMessage *message)
{
	uint8_t packed[4096];
	size_t len = protobuf_c_message_get_packed_size(message);

	assert_true(len <= sizeof(packed));
	protobuf_c_message_pack(message, packed);
	add_number(bytes, (uint32_t)len);
	add_bytes(bytes, packed, len);
}

static inline void begin_pagemap(struct bytes *bytes, uint32_t pages_id)
{
	LwpPagemapHead head = LWP_PAGEMAP_HEAD__INIT;

	bytes->len = 0;
	add_number(bytes, MAGIC_COMMON);
	add_number(bytes, MAGIC_PAGEMAP);
	head.pages_id = pages_id;
	add_message(bytes, &head.base);
}

static inline void add_entry_with(struct bytes *bytes, uint64_t vaddr, uint64_t nr_pages,
				  uint32_t flags, LwpPagemapBlocks *blocks)
{
	LwpPagemapEntry entry = LWP_PAGEMAP_ENTRY__INIT;

	entry.vaddr = vaddr;
	entry.has_nr_pages = true;
	entry.nr_pages = nr_pages;
	entry.has_flags = true;
	entry.flags = flags;
	entry.blocks = blocks;
	add_message(bytes, &entry.base);
}

/* As CRIU 4.2 writes it. */
static inline void add_entry(struct bytes *bytes, uint64_t vaddr, uint64_t nr_pages, uint32_t flags)
{
	add_entry_with(bytes, vaddr, nr_pages, flags, NULL);
}

/* As CRIU 4.3 writes it with --compress; payload: its bytes in pages-N.img. */
static inline void add_compressed_entry(struct bytes *bytes, uint64_t vaddr, uint64_t nr_pages,
					uint64_t payload)
{
	LwpPagemapBlocks blocks = LWP_PAGEMAP_BLOCKS__INIT;

	blocks.total_payload_size = payload;
	add_entry_with(bytes, vaddr, nr_pages, IMAGE_PAGES_PRESENT, &blocks);
}

static inline void write_file(int dir, const char *name, const void *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static inline void write_image(int dir, const char *name, const struct bytes *bytes)
{
	write_file(dir, name, bytes->v, bytes->len);
}

/* nr pages, page i of them filled with the byte first + i. */
static inline void write_pages(int dir, const char *name, uint8_t first, size_t nr)
{
	size_t page = image_page_size();
	uint8_t *pages = malloc(nr * page + 1);

	assert_non_null(pages);
	for (size_t i = 0; i < nr; i++)
		memset(pages + i * page, first + (int)i, page);
	write_file(dir, name, pages, nr * page);
	free(pages);
}

struct test_dir {
	char path[256];
	int fd;
};

static inline void remove_tree(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0) {
		unlinkat(parent, name, 0);
		return;
	}
	dir = fdopendir(fd);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_tree(dirfd(dir), entry->d_name);
	closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static inline int test_dir_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct test_dir *dir = calloc(1, sizeof(*dir));

	if (!dir)
		return -1;
	snprintf(dir->path, sizeof(dir->path), "%s/lazy-wp-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir->path))
		return -1;
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = dir;
	return dir->fd < 0 ? -1 : 0;
}

static inline int test_dir_teardown(void **state)
{
	struct test_dir *dir = *state;

	close(dir->fd);
	remove_tree(AT_FDCWD, dir->path);
	free(dir);
	return 0;
}

/* A directory below dir; its `parent` link leads to parent, if one is given. */
static inline int make_level(const struct test_dir *dir, const char *name, const char *parent)
{
	int fd;

	assert_int_equal(mkdirat(dir->fd, name, 0700), 0);
	fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (parent)
		assert_int_equal(symlinkat(parent, fd, "parent"), 0);
	return fd;
}

#endif
