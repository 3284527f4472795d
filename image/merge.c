// SPDX-License-Identifier: GPL-2.0-only
#include "image/merge.h"

#include <errno.h>
#include <stdio.h>

#include "criu-images.pb-c.h"
#include "image/pagemap.h"
#include "image/stream.h"
#include "image/writer.h"
#include "util/cleanup.h"

struct merge {
	struct image_reader reader;
	struct image_writer writer;
	struct range_set added; /* what the file does not have yet */
	size_t next;            /* of added: everything before it is written */
};

static int write_in_parent(struct image_writer *writer, const struct range *range)
{
	LwpPagemapEntry entry = LWP_PAGEMAP_ENTRY__INIT;

	entry.vaddr = range->start;
	entry.has_nr_pages = true;
	entry.nr_pages = (range->end - range->start) / image_page_size();
	entry.compat_nr_pages = (uint32_t)entry.nr_pages;
	entry.has_flags = true;
	entry.flags = IMAGE_PAGES_IN_PARENT;
	return image_writer_add(writer, &entry.base);
}

static int write_added_below(struct merge *merge, uint64_t address)
{
	int ret = 0;

	while (!ret && merge->next < merge->added.nr && merge->added.v[merge->next].start < address)
		ret = write_in_parent(&merge->writer, &merge->added.v[merge->next++]);
	return ret;
}

static int copy_head(struct merge *merge)
{
	LwpPagemapHead *head;
	const uint8_t *bytes;
	size_t len;
	int ret = image_reader_next(&merge->reader, IMAGE_PAGEMAP_MESSAGE_BYTES_MAX, &bytes, &len);

	if (ret < 0)
		return ret;
	head = ret ? lwp_pagemap_head__unpack(NULL, len, bytes) : NULL;
	if (!head)
		return -EBADMSG;
	ret = image_writer_add(&merge->writer, &head->base);
	lwp_pagemap_head__free_unpacked(head, NULL);
	return ret;
}

static int copy_entries(struct merge *merge)
{
	const uint8_t *bytes;
	size_t len;
	int ret;

	while ((ret = image_reader_next(&merge->reader, IMAGE_PAGEMAP_MESSAGE_BYTES_MAX, &bytes,
					&len)) > 0) {
		LwpPagemapEntry *entry = lwp_pagemap_entry__unpack(NULL, len, bytes);

		if (!entry)
			return -EBADMSG;
		ret = write_added_below(merge, entry->vaddr);
		if (!ret)
			ret = image_writer_add(&merge->writer, &entry->base);
		lwp_pagemap_entry__free_unpacked(entry, NULL);
		if (ret)
			return ret;
	}
	return ret;
}

/* What the file covers already, in whatever way, is not added. */
static int choose_added(int dir_fd, const char *name, const struct range_set *pages,
			struct range_set *ret_added)
{
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	int ret = image_pagemap_load_named(dir_fd, name, &pagemap, NULL);

	return ret ? ret : range_set_subtract(pages, &pagemap.cover, ret_added);
}

static int open_both(struct merge *merge, int dir_fd, const char *name)
{
	int ret = image_reader_open(&merge->reader, dir_fd, name, IMAGE_MAGIC_COMMON,
				    IMAGE_MAGIC_PAGEMAP, NULL);

	return ret ? ret :
		     image_writer_open(&merge->writer, dir_fd, name, IMAGE_MAGIC_COMMON,
				       IMAGE_MAGIC_PAGEMAP);
}

int image_pagemap_merge(int dir_fd, unsigned int pid, const struct range_set *pages)
{
	struct merge merge = { 0 };
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "pagemap-%u.img", pid);
	ret = choose_added(dir_fd, name, pages, &merge.added);
	if (!ret)
		ret = open_both(&merge, dir_fd, name);
	if (!ret)
		ret = copy_head(&merge);
	if (!ret)
		ret = copy_entries(&merge);
	if (!ret)
		ret = write_added_below(&merge, UINT64_MAX);
	if (!ret)
		ret = image_writer_publish(&merge.writer);
	image_writer_abandon(&merge.writer);
	image_reader_close(&merge.reader);
	range_set_free(&merge.added);
	return ret;
}
