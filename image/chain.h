/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task's memory as `criu restore` would bring it back: the pagemap of the topmost directory
 * decides which pages there are; for pages that it says are in the parent, the pagemap of the
 * directory behind its `parent` link decides, and so on. Level 0 is the topmost directory.
 * An open chain holds the directories and pages files of all levels that are needed (two
 * descriptors each) until image_chain_close(); it is used from one thread. What is on disk must
 * not change meanwhile.
 */
#ifndef LAZY_WP_IMAGE_CHAIN_H
#define LAZY_WP_IMAGE_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "image/error.h"
#include "util/range.h"

/* Directories that one chain may have; CRIU itself has no limit but its descriptors. */
#define IMAGE_CHAIN_LEVELS_MAX 4096

enum image_page_state {
	IMAGE_PAGE_ABSENT,  /* restore leaves the page as the new mapping has it */
	IMAGE_PAGE_PRESENT, /* restore writes these bytes */
	IMAGE_PAGE_MISSING, /* said to be in the parent, which does not have it: restore fails */
	IMAGE_PAGE_LAZY,    /* left out of the images for a page server */
};

/* Successive pages with the same answer. */
struct image_chain_run {
	enum image_page_state state;
	size_t level; /* that has the bytes, or that does not have the page */
	uint64_t nr_pages;
	uint64_t offset; /* bytes into that level's pages file, if present */
};

struct image_chain;

/*
 * Looks whether the directories can be followed that begin with parent (seen from the directory
 * images) and go on by `parent` links, as CRIU follows them in a dump and in a restore. parent may
 * be NULL, or a link that is not there. -ELOOP: images is among them, or they lead back, or are too
 * many; else a link leads nowhere: errors of openat(2).
 */
int image_chain_check_parents(int images, const char *parent, struct image_error *error);

/*
 * Opens the chain of the task pid (as in image names) from dir_fd on, which stays the caller's.
 * -ENOENT: dir_fd has no pagemap of it; -ENOTSUP: pages are compressed; -EBADMSG: an image is
 * corrupt; -ELOOP: `parent` links lead back or are too many; errors of openat(2), -ENOMEM.
 */
int image_chain_open(int dir_fd, unsigned int pid, struct image_chain **ret_chain,
		     struct image_error *error);

/* Where the page at address (page-aligned) is, and how many of at most nr_pages follow it there. */
struct image_chain_run image_chain_find(const struct image_chain *chain, uint64_t address,
					uint64_t nr_pages);

/*
 * Reads nr_pages from address: ret_bytes gets their bytes (zero unless present), ret_states one
 * state for each. -EBADMSG: a pages file has become too short; -EIO.
 */
int image_chain_read(const struct image_chain *chain, uint64_t address, uint64_t nr_pages,
		     void *ret_bytes, enum image_page_state *ret_states, struct image_error *error);

/* All pages that the topmost pagemap has or says are in the parent. The chain's. */
const struct range_set *image_chain_cover(const struct image_chain *chain);

size_t image_chain_nr_levels(const struct image_chain *chain);

/* The directory of a level; the chain's. */
int image_chain_dir(const struct image_chain *chain, size_t level);

/* NULL is allowed. */
void image_chain_close(struct image_chain *chain);

#endif
