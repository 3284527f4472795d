// SPDX-License-Identifier: GPL-2.0-only
#include "image/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "util/cleanup.h"

struct level {
	int dir;
	int pages; /* -1: this level has no pages of its own */
	dev_t dev;
	ino_t ino;
	struct image_pagemap pagemap;
};

struct image_chain {
	unsigned int pid;
	struct level *levels;
	size_t nr, cap;
};

static void close_level(struct level *level)
{
	util_close_cleanup(&level->dir);
	util_close_cleanup(&level->pages);
	image_pagemap_free(&level->pagemap);
}

static int open_pages(struct level *level, struct image_error *error)
{
	char name[32];

	if (!level->pagemap.nr_present_pages)
		return 0;
	if (level->pagemap.compressed)
		return image_fail(
			error, -ENOTSUP,
			"pages-%u.img: compressed (criu --compress), which is not read here: "
			"'crit decompress' makes it readable",
			level->pagemap.pages_id);
	snprintf(name, sizeof(name), "pages-%u.img", level->pagemap.pages_id);
	level->pages = openat(level->dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (level->pages >= 0)
		return 0;
	return image_fail(error, errno == ENOENT ? -EBADMSG : -errno, "%s: cannot open: %s", name,
			  strerror(errno));
}

/* A directory that is already in the chain would make it endless. */
static int check_loop(const struct image_chain *chain, struct level *level,
		      struct image_error *error)
{
	struct stat stat;

	if (fstat(level->dir, &stat))
		return image_fail(error, -errno, "parent: cannot look at it: %s", strerror(errno));
	level->dev = stat.st_dev;
	level->ino = stat.st_ino;
	for (size_t i = 0; i < chain->nr; i++)
		if (chain->levels[i].dev == level->dev && chain->levels[i].ino == level->ino)
			return image_fail(
				error, -ELOOP,
				"parent: the links lead back to directory %zu of the chain", i + 1);
	return 0;
}

static int reserve_level(struct image_chain *chain, struct image_error *error)
{
	size_t cap = chain->cap ? 2 * chain->cap : 8;
	struct level *levels;

	if (chain->nr < chain->cap)
		return 0;
	if (chain->nr >= IMAGE_CHAIN_LEVELS_MAX)
		return image_fail(error, -ELOOP, "parent: more than %d directories in a chain",
				  IMAGE_CHAIN_LEVELS_MAX);
	levels = reallocarray(chain->levels, cap, sizeof(*levels));
	if (!levels)
		return image_fail(error, -ENOMEM, "out of memory");
	chain->levels = levels;
	chain->cap = cap;
	return 0;
}

/* Takes dir over, also on failure. -ENOENT: it has no pagemap of this task. */
static int add_level(struct image_chain *chain, int dir, struct image_error *error)
{
	struct level level = { .dir = dir, .pages = -1 };
	int ret = check_loop(chain, &level, error);

	if (!ret)
		ret = reserve_level(chain, error);
	if (!ret)
		ret = image_pagemap_load(dir, chain->pid, &level.pagemap, error);
	if (!ret)
		ret = open_pages(&level, error);
	if (ret) {
		close_level(&level);
		return ret;
	}
	chain->levels[chain->nr++] = level;
	return 0;
}

/*
 * CRIU looks for the next level only in a directory that has a pagemap of the task; what is
 * beyond one that has none does not count.
 */
static int add_parents(struct image_chain *chain, struct image_error *error)
{
	struct image_error reason;
	int ret = 0;

	while (!ret && chain->levels[chain->nr - 1].pagemap.has_parent_entries) {
		int dir = openat(chain->levels[chain->nr - 1].dir, "parent",
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 && errno == ENOENT)
			return 0;
		if (dir < 0)
			return image_fail(error, -errno,
					  "parent: cannot open link %zu of the chain: %s",
					  chain->nr, strerror(errno));
		ret = add_level(chain, dir, &reason);
		if (ret && ret != -ENOENT)
			image_fail(error, ret, "parent %zu of the chain: %s", chain->nr,
				   reason.text);
	}
	return ret == -ENOENT ? 0 : ret;
}

int image_chain_open(int dir_fd, unsigned int pid, struct image_chain **ret_chain,
		     struct image_error *error)
{
	struct image_chain *chain = calloc(1, sizeof(*chain));
	int dir, ret;

	if (!chain)
		return image_fail(error, -ENOMEM, "out of memory");
	chain->pid = pid;
	dir = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	if (dir < 0)
		ret = image_fail(error, -errno, "cannot duplicate a descriptor: %s",
				 strerror(errno));
	else
		ret = add_level(chain, dir, error);
	if (!ret)
		ret = add_parents(chain, error);
	if (ret) {
		image_chain_close(chain);
		return ret;
	}
	*ret_chain = chain;
	return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct image_chain_run image_chain_find(const struct image_chain *chain, uint64_t address,
					uint64_t nr_pages)
{
	struct image_chain_run run = { .nr_pages = nr_pages };
	uint64_t page_size = image_page_size();

	for (run.level = 0; run.level < chain->nr; run.level++) {
		const struct image_pagemap_entry *entry =
			image_pagemap_find(&chain->levels[run.level].pagemap, address);

		if (!entry || entry->vaddr > address) {
			if (entry)
				run.nr_pages = smaller(run.nr_pages,
						       (entry->vaddr - address) / page_size);
			run.state = run.level ? IMAGE_PAGE_MISSING : IMAGE_PAGE_ABSENT;
			return run;
		}
		run.nr_pages = smaller(run.nr_pages,
				       entry->nr_pages - (address - entry->vaddr) / page_size);
		if (entry->flags & IMAGE_PAGES_PRESENT) {
			run.state = IMAGE_PAGE_PRESENT;
			run.offset = entry->offset + (address - entry->vaddr);
			return run;
		}
		if (!(entry->flags & IMAGE_PAGES_IN_PARENT)) {
			run.state = IMAGE_PAGE_LAZY;
			return run;
		}
	}
	run.state = IMAGE_PAGE_MISSING;
	return run;
}

static int read_run(const struct image_chain *chain, const struct image_chain_run *run,
		    uint8_t *bytes, struct image_error *error)
{
	const struct level *level = &chain->levels[run->level];
	uint64_t len = run->nr_pages * image_page_size(), done = 0;

	while (done < len) {
		ssize_t nr = pread(level->pages, bytes + done, len - done,
				   (off_t)(run->offset + done));

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return image_fail(error, -errno, "pages-%u.img: cannot read: %s",
					  level->pagemap.pages_id, strerror(errno));
		if (!nr)
			return image_fail(error, -EBADMSG,
					  "pages-%u.img: became shorter while it was read",
					  level->pagemap.pages_id);
		done += (uint64_t)nr;
	}
	return 0;
}

int image_chain_read(const struct image_chain *chain, uint64_t address, uint64_t nr_pages,
		     void *ret_bytes, enum image_page_state *ret_states, struct image_error *error)
{
	uint64_t page_size = image_page_size();
	uint8_t *bytes = ret_bytes;

	for (uint64_t page = 0; page < nr_pages;) {
		struct image_chain_run run = image_chain_find(chain, address + page * page_size,
							      nr_pages - page);
		int ret = 0;

		if (run.state == IMAGE_PAGE_PRESENT)
			ret = read_run(chain, &run, bytes + page * page_size, error);
		else
			memset(bytes + page * page_size, 0, run.nr_pages * page_size);
		if (ret)
			return ret;
		for (uint64_t i = 0; i < run.nr_pages; i++)
			ret_states[page + i] = run.state;
		page += run.nr_pages;
	}
	return 0;
}

const struct range_set *image_chain_cover(const struct image_chain *chain)
{
	return &chain->levels[0].pagemap.cover;
}

size_t image_chain_nr_levels(const struct image_chain *chain)
{
	return chain->nr;
}

int image_chain_dir(const struct image_chain *chain, size_t level)
{
	return chain->levels[level].dir;
}

void image_chain_close(struct image_chain *chain)
{
	if (!chain)
		return;
	for (size_t i = 0; i < chain->nr; i++)
		close_level(&chain->levels[i]);
	free(chain->levels);
	free(chain);
}
