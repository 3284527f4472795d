// SPDX-License-Identifier: GPL-2.0-only
/* pagemap-PID.img: ordered, aligned, no wrap-around; and what was read can be written and read again. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "criu-images.pb-c.h"
#include "image/pagemap.h"
#include "image/stream.h"
#include "test/fuzz/support.h"

/* Of an entry in the file: its length, and a key and a value of each of the two required fields. */
#define ENTRY_BYTES_MIN 8

static void check_entries(const struct image_pagemap *pagemap)
{
	uint64_t page_size = image_page_size(), last_end = 0, pages = 0, covered = 0;
	bool in_parent = false;

	for (size_t i = 0; i < pagemap->nr; i++) {
		const struct image_pagemap_entry *entry = &pagemap->v[i];
		uint64_t bytes, end;

		MUST(entry->vaddr % page_size == 0 && entry->nr_pages && entry->flags);
		MUST(!__builtin_mul_overflow(entry->nr_pages, page_size, &bytes));
		MUST(!__builtin_add_overflow(entry->vaddr, bytes, &end));
		MUST(entry->vaddr >= last_end);
		last_end = end;
		if (entry->flags & IMAGE_PAGES_PRESENT) {
			MUST(!(entry->flags & IMAGE_PAGES_IN_PARENT));
			MUST(!__builtin_add_overflow(entry->offset, bytes, &end));
			MUST(end <= INT64_MAX && end / page_size <= pagemap->nr_present_pages);
			pages += entry->nr_pages;
		}
		in_parent |= entry->flags & IMAGE_PAGES_IN_PARENT;
		if (entry->flags & (IMAGE_PAGES_IN_PARENT | IMAGE_PAGES_PRESENT)) {
			MUST(range_set_contains(&pagemap->cover, entry->vaddr, last_end));
			covered += bytes;
		}
		MUST(image_pagemap_find(pagemap, entry->vaddr) == entry);
		MUST(image_pagemap_find(pagemap, last_end - 1) == entry);
	}
	MUST(pages == pagemap->nr_present_pages);
	MUST(in_parent == pagemap->has_parent_entries);
	MUST(covered == range_set_bytes(&pagemap->cover));
}

static void check_cover(const struct range_set *cover)
{
	for (size_t i = 0; i < cover->nr; i++) {
		MUST(cover->v[i].start < cover->v[i].end);
		MUST(!i || cover->v[i].start > cover->v[i - 1].end);
	}
}

static size_t put_number(uint8_t *to, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(number >> (8 * i));
	return 4;
}

static size_t put_entry(uint8_t *to, const struct image_pagemap_entry *entry)
{
	LwpPagemapEntry message = LWP_PAGEMAP_ENTRY__INIT;
	size_t len;

	message.vaddr = entry->vaddr;
	message.has_nr_pages = message.has_flags = true;
	message.nr_pages = entry->nr_pages;
	message.flags = entry->flags;
	len = put_number(to, (uint32_t)lwp_pagemap_entry__get_packed_size(&message));
	return len + lwp_pagemap_entry__pack(&message, to + len);
}

/* Bytes of present entries lie in file order: by offset. The others may stand anywhere. */
static int compare_offsets(const void *a, const void *b)
{
	const struct image_pagemap_entry *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t pack(const struct image_pagemap *pagemap, uint8_t *to)
{
	LwpPagemapHead head = LWP_PAGEMAP_HEAD__INIT;
	struct image_pagemap_entry *v = calloc(pagemap->nr + 1, sizeof(*v));
	size_t len = put_number(to, IMAGE_MAGIC_COMMON);

	MUST(v);
	if (pagemap->nr)
		memcpy(v, pagemap->v, pagemap->nr * sizeof(*v));
	qsort(v, pagemap->nr, sizeof(*v), compare_offsets);
	head.pages_id = pagemap->pages_id;
	len += put_number(to + len, IMAGE_MAGIC_PAGEMAP);
	len += put_number(to + len, (uint32_t)lwp_pagemap_head__get_packed_size(&head));
	len += lwp_pagemap_head__pack(&head, to + len);
	for (size_t i = 0; i < pagemap->nr; i++)
		len += put_entry(to + len, &v[i]);
	free(v);
	return len;
}

static void check_round_trip(const struct image_pagemap *pagemap)
{
	uint8_t *bytes = malloc(64 + 64 * pagemap->nr);
	auto_image_pagemap struct image_pagemap again = { 0 };
	struct image_error error;

	MUST(bytes);
	fuzz_memory_file(bytes, pack(pagemap, bytes));
	MUST(!image_pagemap_load_named(AT_FDCWD, fuzz_memory_path(), &again, &error));
	free(bytes);
	MUST(again.nr == pagemap->nr && again.pages_id == pagemap->pages_id);
	for (size_t i = 0; i < again.nr; i++)
		MUST(!memcmp(&again.v[i], &pagemap->v[i],
			     offsetof(struct image_pagemap_entry, flags)) &&
		     again.v[i].flags == pagemap->v[i].flags);
	MUST(again.cover.nr == pagemap->cover.nr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	struct image_error error = { "" };

	fuzz_memory_file(data, size);
	if (image_pagemap_load_named(AT_FDCWD, fuzz_memory_path(), &pagemap, &error)) {
		MUST(!pagemap.v && !pagemap.cover.v && error.text[0]);
		return 0;
	}
	MUST(pagemap.nr <= size / ENTRY_BYTES_MIN);
	check_entries(&pagemap);
	check_cover(&pagemap.cover);
	check_round_trip(&pagemap);
	return 0;
}
