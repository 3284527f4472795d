/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a task's memory: pages-N.img and the pagemap-PID.img that says what is in it. Pages are
 * added by ascending address, as readers expect them. Nothing is seen under its final name before
 * image_pages_commit(); whoever holds the struct ends it with that or with image_pages_abandon().
 * Bytes go past the page cache where the file system can do that (O_DIRECT), else they are sent to
 * the disk at once and dropped from it, so that gigabytes of images do not push out the memory of
 * those who are being dumped.
 * The same can go to a page server (see page-client.h): it gets the pages and a pagemap, and the
 * directory only a copy of that pagemap as lazy-wp-pagemap-PID.img, from which the next iteration
 * knows what the server has.
 */
#ifndef LAZY_WP_IMAGE_PAGES_H
#define LAZY_WP_IMAGE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "image/page-client.h"
#include "image/pagemap.h"

struct image_pages {
	bool open;
	int dir_fd;                       /* the caller's */
	int fd;                           /* of pages-N.img */
	struct image_page_client *server; /* the caller's; NULL: pages go to fd */
	bool server_has_parent;
	unsigned int pid, pages_id;
	bool direct;             /* past the page cache */
	const uint8_t *gathered; /* bytes added and not written yet; the caller's */
	size_t gathered_len;
	uint64_t bytes;   /* written so far */
	uint64_t flushed; /* of those, on their way to the disk */
	struct image_pagemap_entry *v;
	size_t nr, cap;
	uint64_t nr_present, nr_in_parent; /* pages */
};

/* pid: as in image names; pages_id: N, unique in its directory. Errors of openat(2). */
int image_pages_open(struct image_pages *ret_pages, int dir_fd, unsigned int pid,
		     unsigned int pages_id);

/*
 * Images at a page server. Its has-parent answer counts: without, no page can be in the parent.
 * Errors of image_page_client_open().
 */
int image_pages_open_remote(struct image_pages *ret_pages, int dir_fd, unsigned int pid,
			    struct image_page_client *server);

/*
 * Adds pages with their bytes, which must stay as they are until image_pages_write(): what lies one
 * after the other in memory is written at once. -EINVAL: not ascending; -ENOSPC, other errors of
 * write(2) or of the page client, -ENOMEM.
 */
int image_pages_add(struct image_pages *pages, uint64_t vaddr, uint64_t nr_pages,
		    const void *bytes);

/* Writes what was added so far. -ENOSPC, other errors of write(2). */
int image_pages_write(struct image_pages *pages);

/* Adds pages that are as the parent directory has them. -EINVAL, -ENOMEM; -ENODATA: the page
 * server has no parent. */
int image_pages_add_in_parent(struct image_pages *pages, uint64_t vaddr, uint64_t nr_pages);

/* Writes the pagemap; all local files then have their names and are on the disk. */
int image_pages_commit(struct image_pages *pages);

/* For pages that were not committed; harmless after that. */
void image_pages_abandon(struct image_pages *pages);
#define auto_image_pages __attribute__((cleanup(image_pages_abandon)))

#endif
