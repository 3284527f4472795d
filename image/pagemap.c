// SPDX-License-Identifier: GPL-2.0-only
#include "image/pagemap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu-images.pb-c.h"
#include "image/stream.h"
#include "util/cleanup.h"

/* One entry per second page of a 512 GiB task; memory grows only as entries are really read. */
#define ENTRIES_MAX (UINT64_C(1) << 26)

uint64_t image_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int append(struct image_pagemap *pagemap, size_t *cap,
		  const struct image_pagemap_entry *entry)
{
	struct image_pagemap_entry *v;

	if (pagemap->nr == *cap) {
		size_t larger = *cap ? 2 * *cap : 64;

		if (larger > ENTRIES_MAX)
			return -E2BIG;
		v = reallocarray(pagemap->v, larger, sizeof(*v));
		if (!v)
			return -ENOMEM;
		pagemap->v = v;
		*cap = larger;
	}
	pagemap->v[pagemap->nr++] = *entry;
	return 0;
}

/* Old images have no flags: an entry is in the parent if in_parent says so, else present. */
static uint32_t flags_of(const LwpPagemapEntry *message)
{
	uint32_t known = IMAGE_PAGES_IN_PARENT | IMAGE_PAGES_LAZY | IMAGE_PAGES_PRESENT;
	uint32_t flags = message->has_flags ? message->flags & known : 0;

	if (message->has_in_parent && message->in_parent)
		return flags | IMAGE_PAGES_IN_PARENT;
	return message->has_flags ? flags : IMAGE_PAGES_PRESENT;
}

/* NULL if the entry makes sense, else why not. */
static const char *entry_fault(const struct image_pagemap_entry *entry, uint64_t page_size)
{
	bool in_parent = entry->flags & IMAGE_PAGES_IN_PARENT;
	bool present = entry->flags & IMAGE_PAGES_PRESENT;

	if (entry->vaddr % page_size)
		return "an address is not page-aligned";
	if (!entry->nr_pages)
		return "an entry has no pages";
	if (entry->nr_pages > (UINT64_MAX - entry->vaddr) / page_size)
		return "an entry goes beyond the end of all addresses";
	if (entry->payload > entry->nr_pages * page_size)
		return "compressed pages are larger than they were";
	if (in_parent && present)
		return "pages are said to be both here and in the parent";
	if (!entry->flags)
		return "pages are said to be nowhere";
	return NULL;
}

static int parse_entry(struct image_reader *reader, const uint8_t *bytes, size_t len,
		       struct image_pagemap_entry *ret_entry)
{
	LwpPagemapEntry *message = lwp_pagemap_entry__unpack(NULL, len, bytes);
	const char *fault;

	if (!message)
		return image_reader_bad(reader, "not an entry of a pagemap");
	*ret_entry = (struct image_pagemap_entry){
		.vaddr = message->vaddr,
		.nr_pages = message->has_nr_pages ? message->nr_pages : message->compat_nr_pages,
		.flags = flags_of(message),
	};
	ret_entry->payload = message->blocks ? message->blocks->total_payload_size :
					       ret_entry->nr_pages * image_page_size();
	ret_entry->compressed = message->blocks;
	lwp_pagemap_entry__free_unpacked(message, NULL);
	fault = entry_fault(ret_entry, image_page_size());
	return fault ? image_reader_bad(reader, fault) : 0;
}

static int read_head(struct image_reader *reader, struct image_pagemap *pagemap)
{
	LwpPagemapHead *head;
	const uint8_t *bytes;
	size_t len;
	int ret = image_reader_next(reader, IMAGE_PAGEMAP_MESSAGE_BYTES_MAX, &bytes, &len);

	if (ret < 0)
		return ret;
	head = ret ? lwp_pagemap_head__unpack(NULL, len, bytes) : NULL;
	if (!head)
		return image_reader_bad(reader, "the pagemap has no head");
	pagemap->pages_id = head->pages_id;
	lwp_pagemap_head__free_unpacked(head, NULL);
	return 0;
}

static int add_entry(struct image_reader *reader, struct image_pagemap *pagemap, size_t *cap,
		     struct image_pagemap_entry *entry)
{
	int ret;

	if (entry->flags & IMAGE_PAGES_PRESENT) {
		entry->offset = pagemap->payload_bytes;
		pagemap->compressed |= entry->compressed;
		pagemap->nr_present_pages += entry->nr_pages;
		if (__builtin_add_overflow(pagemap->payload_bytes, entry->payload,
					   &pagemap->payload_bytes) ||
		    pagemap->payload_bytes > INT64_MAX)
			return image_reader_bad(reader, "more pages than a file can hold");
	}
	if (entry->flags & IMAGE_PAGES_IN_PARENT)
		pagemap->has_parent_entries = true;
	ret = append(pagemap, cap, entry);
	return ret ? image_fail(reader->error, ret, "%.80s: %s", reader->name,
				ret == -ENOMEM ? "out of memory" : "too many entries") :
		     0;
}

static int read_entries(struct image_reader *reader, struct image_pagemap *pagemap)
{
	const uint8_t *bytes;
	size_t len, cap = 0;
	int ret;

	while ((ret = image_reader_next(reader, IMAGE_PAGEMAP_MESSAGE_BYTES_MAX, &bytes, &len)) >
	       0) {
		struct image_pagemap_entry entry;

		ret = parse_entry(reader, bytes, len, &entry);
		if (!ret)
			ret = add_entry(reader, pagemap, &cap, &entry);
		if (ret)
			return ret;
	}
	return ret;
}

static int compare_entries(const void *a, const void *b)
{
	const struct image_pagemap_entry *x = a, *y = b;

	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

/* Sorts the entries, whose offsets are known by now, and sums up what they cover. */
static int index_entries(struct image_reader *reader, struct image_pagemap *pagemap)
{
	uint64_t last_end = 0;

	if (pagemap->nr)
		qsort(pagemap->v, pagemap->nr, sizeof(*pagemap->v), compare_entries);
	for (size_t i = 0; i < pagemap->nr; i++) {
		const struct image_pagemap_entry *entry = &pagemap->v[i];
		uint64_t end = entry->vaddr + entry->nr_pages * image_page_size();
		int ret = 0;

		if (entry->vaddr < last_end)
			return image_fail(reader->error, -EBADMSG,
					  "%.80s: two entries overlap at 0x%llx", reader->name,
					  (unsigned long long)entry->vaddr);
		if (entry->flags & (IMAGE_PAGES_IN_PARENT | IMAGE_PAGES_PRESENT))
			ret = range_set_add(&pagemap->cover, entry->vaddr, end);
		if (ret)
			return image_fail(reader->error, ret, "%.80s: out of memory", reader->name);
		last_end = end;
	}
	return 0;
}

int image_pagemap_load_named(int dir_fd, const char *name, struct image_pagemap *ret_pagemap,
			     struct image_error *error)
{
	auto_image_reader struct image_reader reader = { 0 };
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	int ret = image_reader_open(&reader, dir_fd, name, IMAGE_MAGIC_COMMON, IMAGE_MAGIC_PAGEMAP,
				    error);

	if (!ret)
		ret = read_head(&reader, &pagemap);
	if (!ret)
		ret = read_entries(&reader, &pagemap);
	if (!ret)
		ret = index_entries(&reader, &pagemap);
	if (ret)
		return ret;
	*ret_pagemap = pagemap;
	pagemap = (struct image_pagemap){ 0 };
	return 0;
}

static int check_pages(int dir_fd, const struct image_pagemap *pagemap, struct image_error *error)
{
	uint64_t needed = pagemap->payload_bytes;
	struct stat stat;
	char name[32];

	if (!needed)
		return 0;
	snprintf(name, sizeof(name), "pages-%u.img", pagemap->pages_id);
	if (fstatat(dir_fd, name, &stat, 0)) {
		if (errno == ENOENT)
			return image_fail(error, -EBADMSG,
					  "%s: missing, but the pagemap refers to it", name);
		return image_fail(error, -errno, "%s: cannot look at it: %s", name,
				  strerror(errno));
	}
	if (!S_ISREG(stat.st_mode))
		return image_fail(error, -EBADMSG, "%s: not a regular file", name);
	if ((uint64_t)stat.st_size < needed)
		return image_fail(error, -EBADMSG,
				  "%s: has %llu bytes, the pagemap needs %llu: cut off", name,
				  (unsigned long long)stat.st_size, (unsigned long long)needed);
	return 0;
}

int image_pagemap_load(int dir_fd, unsigned int pid, struct image_pagemap *ret_pagemap,
		       struct image_error *error)
{
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "pagemap-%u.img", pid);
	ret = image_pagemap_load_named(dir_fd, name, &pagemap, error);
	if (!ret)
		ret = check_pages(dir_fd, &pagemap, error);
	if (ret)
		return ret;
	*ret_pagemap = pagemap;
	pagemap = (struct image_pagemap){ 0 };
	return 0;
}

int image_pagemap_load_remote(int dir_fd, unsigned int pid, struct image_pagemap *ret_pagemap,
			      struct image_error *error)
{
	char name[40];

	snprintf(name, sizeof(name), IMAGE_REMOTE_PAGEMAP_FORMAT, pid);
	return image_pagemap_load_named(dir_fd, name, ret_pagemap, error);
}

const struct image_pagemap_entry *image_pagemap_find(const struct image_pagemap *pagemap,
						     uint64_t address)
{
	uint64_t page_size = image_page_size();
	size_t low = 0, high = pagemap->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (pagemap->v[mid].vaddr + pagemap->v[mid].nr_pages * page_size <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < pagemap->nr ? &pagemap->v[low] : NULL;
}

void image_pagemap_free(struct image_pagemap *pagemap)
{
	free(pagemap->v);
	range_set_free(&pagemap->cover);
	*pagemap = (struct image_pagemap){ 0 };
}
