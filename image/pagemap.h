/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagemap-PID.img: which pages of a task an image directory has, and where. Their bytes lie in
 * pages-N.img one after the other, in the order of the file's entries. A loaded pagemap is plain
 * memory, owned by the caller and ended with image_pagemap_free() or auto_image_pagemap; no
 * descriptor stays open. PID is the one in image names: as seen from inside the dumped tree.
 * Files are hostile: whatever is loaded has page-aligned, non-overlapping entries that do not
 * wrap around, and pages-N.img holds all the bytes they name.
 */
#ifndef LAZY_WP_IMAGE_PAGEMAP_H
#define LAZY_WP_IMAGE_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/error.h"
#include "util/range.h"

/* Entry flags, CRIU's numbers. */
#define IMAGE_PAGES_IN_PARENT (1u << 0)
#define IMAGE_PAGES_LAZY      (1u << 1) /* may be restored on demand; alone: not here */
#define IMAGE_PAGES_PRESENT   (1u << 2) /* in pages-N.img */

struct image_pagemap_entry {
	uint64_t vaddr;    /* bytes */
	uint64_t nr_pages; /* at least 1 */
	uint64_t offset;   /* bytes into pages-N.img, if present and none are compressed */
	uint64_t payload;  /* bytes there */
	uint32_t flags;    /* in parent, or present (perhaps lazy), or lazy alone */
	bool compressed;
};

struct image_pagemap {
	uint32_t pages_id;             /* N of pages-N.img */
	struct image_pagemap_entry *v; /* by ascending address */
	size_t nr;
	uint64_t nr_present_pages;
	uint64_t payload_bytes; /* at least so many has pages-N.img */
	bool compressed;        /* some of the pages: criu --compress, since CRIU 4.3 */
	bool has_parent_entries;
	struct range_set cover; /* the pages that are present or in the parent */
};

/* The name of such a pagemap. */
#define IMAGE_REMOTE_PAGEMAP_FORMAT "lazy-wp-pagemap-%u.img"

/*
 * A pagemap's message is shorter. An entry has about 30 bytes, of compressed pages two to four more
 * for each page or block.
 */
#define IMAGE_PAGEMAP_MESSAGE_BYTES_MAX (64u << 20)

/* Bytes of a page in images: the one of this machine. */
uint64_t image_page_size(void);

/*
 * Loads pagemap-PID.img of dir_fd and checks that pages-N.img is long enough. -ENOENT: there is
 * none; -EBADMSG: corrupt, cut off or contradictory; errors of openat(2); -ENOMEM. error (may be
 * NULL) says what is wrong with which file.
 */
int image_pagemap_load(int dir_fd, unsigned int pid, struct image_pagemap *ret_pagemap,
		       struct image_error *error);

/* The same for any pagemap by its name in dir_fd, without a look at the pages. */
int image_pagemap_load_named(int dir_fd, const char *name, struct image_pagemap *ret_pagemap,
			     struct image_error *error);

/*
 * The pagemap of what went to a page server instead: lazy-wp-pagemap-PID.img, with nothing to look
 * at but itself. The same errors.
 */
int image_pagemap_load_remote(int dir_fd, unsigned int pid, struct image_pagemap *ret_pagemap,
			      struct image_error *error);

/*
 * The first entry that ends above address, or NULL. O(log n).
 */
const struct image_pagemap_entry *image_pagemap_find(const struct image_pagemap *pagemap,
						     uint64_t address);

void image_pagemap_free(struct image_pagemap *pagemap);
#define auto_image_pagemap __attribute__((cleanup(image_pagemap_free)))

#endif
