// SPDX-License-Identifier: GPL-2.0-only
#include "image/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "criu-images.pb-c.h"
#include "image/stream.h"
#include "image/writer.h"
#include "util/cleanup.h"

/* What is written is flushed in pieces of this size. */
#define FLUSH_BYTES (UINT64_C(8) << 20)
/* Older CRIUs have 32 bits for the pages of an entry. */
#define ENTRY_PAGES_MAX (UINT64_C(1) << 31)

static void pages_name(const struct image_pages *pages, char name[32])
{
	snprintf(name, 32, "pages-%u.img", pages->pages_id);
}

int image_pages_open(struct image_pages *ret_pages, int dir_fd, unsigned int pid,
		     unsigned int pages_id)
{
	struct image_pages pages = { .dir_fd = dir_fd, .pid = pid, .pages_id = pages_id };
	const int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	char name[32];

	/* Without the pagemap nobody looks at it, so it may have its own name from the start. */
	pages_name(&pages, name);
	pages.fd = openat(dir_fd, name, flags | O_DIRECT, IMAGE_MODE);
	pages.direct = pages.fd >= 0;
	if (pages.fd < 0 && errno == EINVAL)
		pages.fd = openat(dir_fd, name, flags, IMAGE_MODE);
	if (pages.fd < 0)
		return -errno;
	pages.open = true;
	*ret_pages = pages;
	return 0;
}

int image_pages_open_remote(struct image_pages *ret_pages, int dir_fd, unsigned int pid,
			    struct image_page_client *server)
{
	int ret = image_page_client_open(server, pid);

	if (ret < 0)
		return ret;
	*ret_pages = (struct image_pages){
		.open = true,
		.dir_fd = dir_fd,
		.fd = -1,
		.server = server,
		.server_has_parent = ret,
		.pid = pid,
	};
	return 0;
}

static int add_entry(struct image_pages *pages, uint64_t vaddr, uint64_t nr_pages, uint32_t flags)
{
	struct image_pagemap_entry *last = pages->nr ? &pages->v[pages->nr - 1] : NULL;
	uint64_t last_end = last ? last->vaddr + last->nr_pages * image_page_size() : 0;

	if (vaddr < last_end)
		return -EINVAL;
	if (last && vaddr == last_end && last->flags == flags &&
	    last->nr_pages + nr_pages <= ENTRY_PAGES_MAX) {
		last->nr_pages += nr_pages;
		return 0;
	}
	if (pages->nr == pages->cap) {
		size_t cap = pages->cap ? 2 * pages->cap : 64;
		struct image_pagemap_entry *v = reallocarray(pages->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		pages->v = v;
		pages->cap = cap;
	}
	pages->v[pages->nr++] = (struct image_pagemap_entry){
		.vaddr = vaddr,
		.nr_pages = nr_pages,
		.flags = flags,
	};
	return 0;
}

/* The file system has its own mind about alignment, or memory that it cannot reach. */
static bool give_up_direct(struct image_pages *pages)
{
	int flags = pages->direct ? fcntl(pages->fd, F_GETFL) : -1;

	pages->direct = false;
	return flags >= 0 && !fcntl(pages->fd, F_SETFL, flags & ~O_DIRECT);
}

static int write_all(struct image_pages *pages, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t done = write(pages->fd, bytes, len);

		if (done < 0 && (errno == EINTR || (errno == EINVAL && give_up_direct(pages))))
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		bytes += done;
		len -= (size_t)done;
	}
	return 0;
}

/* 0 also where this kernel or file system has no such call: then fsync() does it all. */
static int sync_range(const struct image_pages *pages, uint64_t from, uint64_t to,
		      unsigned int flags)
{
	if (!sync_file_range(pages->fd, (off_t)from, (off_t)(to - from), flags))
		return 0;
	return errno == ENOSYS || errno == EINVAL || errno == ESPIPE ? 0 : -errno;
}

/*
 * Starts writing the newest piece, and waits for the one before it before dropping that. A
 * failure to write is told to the first who asks, and here that is us, not fsync().
 */
static int flush(struct image_pages *pages)
{
	uint64_t before = pages->flushed >= FLUSH_BYTES ? pages->flushed - FLUSH_BYTES : 0;
	int ret;

	if (pages->direct || pages->bytes - pages->flushed < FLUSH_BYTES)
		return 0;
	ret = sync_range(pages, pages->flushed, pages->bytes, SYNC_FILE_RANGE_WRITE);
	if (pages->flushed > before && !ret) {
		ret = sync_range(pages, before, pages->flushed,
				 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					 SYNC_FILE_RANGE_WAIT_AFTER);
		posix_fadvise(pages->fd, (off_t)before, (off_t)(pages->flushed - before),
			      POSIX_FADV_DONTNEED);
	}
	pages->flushed = pages->bytes;
	return ret;
}

int image_pages_write(struct image_pages *pages)
{
	int ret = write_all(pages, pages->gathered, pages->gathered_len);

	if (ret)
		return ret;
	pages->bytes += pages->gathered_len;
	pages->gathered_len = 0;
	return flush(pages);
}

static int gather(struct image_pages *pages, const uint8_t *bytes, size_t len)
{
	int ret = 0;

	if (pages->gathered_len && pages->gathered + pages->gathered_len != bytes)
		ret = image_pages_write(pages);
	if (!pages->gathered_len)
		pages->gathered = bytes;
	pages->gathered_len += len;
	return ret;
}

int image_pages_add(struct image_pages *pages, uint64_t vaddr, uint64_t nr_pages, const void *bytes)
{
	size_t len = nr_pages * image_page_size();
	int ret = add_entry(pages, vaddr, nr_pages, IMAGE_PAGES_PRESENT);

	if (ret)
		return ret;
	if (pages->server)
		ret = image_page_client_add(pages->server, pages->pid, vaddr, nr_pages, bytes);
	else
		ret = gather(pages, bytes, len);
	if (!ret)
		pages->nr_present += nr_pages;
	return ret;
}

int image_pages_add_in_parent(struct image_pages *pages, uint64_t vaddr, uint64_t nr_pages)
{
	int ret = pages->server && !pages->server_has_parent ?
			  -ENODATA :
			  add_entry(pages, vaddr, nr_pages, IMAGE_PAGES_IN_PARENT);

	if (!ret && pages->server)
		ret = image_page_client_add_in_parent(pages->server, pages->pid, vaddr, nr_pages);
	if (!ret)
		pages->nr_in_parent += nr_pages;
	return ret;
}

static int write_entry(struct image_writer *writer, const struct image_pagemap_entry *entry)
{
	LwpPagemapEntry message = LWP_PAGEMAP_ENTRY__INIT;

	message.vaddr = entry->vaddr;
	message.compat_nr_pages = (uint32_t)entry->nr_pages;
	message.has_nr_pages = true;
	message.nr_pages = entry->nr_pages;
	message.has_flags = true;
	message.flags = entry->flags;
	return image_writer_add(writer, &message.base);
}

static int write_pagemap(const struct image_pages *pages)
{
	auto_image_writer struct image_writer writer = { 0 };
	LwpPagemapHead head = LWP_PAGEMAP_HEAD__INIT;
	char name[40];
	int ret;

	snprintf(name, sizeof(name), pages->server ? IMAGE_REMOTE_PAGEMAP_FORMAT : "pagemap-%u.img",
		 pages->pid);
	ret = image_writer_open(&writer, pages->dir_fd, name, IMAGE_MAGIC_COMMON,
				IMAGE_MAGIC_PAGEMAP);
	head.pages_id = pages->pages_id;
	if (!ret)
		ret = image_writer_add(&writer, &head.base);
	for (size_t i = 0; i < pages->nr && !ret; i++)
		ret = write_entry(&writer, &pages->v[i]);
	return ret ? ret : image_writer_commit(&writer);
}

static void end(struct image_pages *pages)
{
	pages->open = false;
	util_close_cleanup(&pages->fd);
	free(take_ptr(pages->v));
}

int image_pages_commit(struct image_pages *pages)
{
	int ret = image_pages_write(pages);

	if (!ret && !pages->server && fsync(pages->fd))
		ret = -errno;
	if (!ret)
		ret = write_pagemap(pages);
	if (ret)
		return ret;
	end(pages);
	return 0;
}

void image_pages_abandon(struct image_pages *pages)
{
	char name[32];

	if (!pages->open)
		return;
	pages_name(pages, name);
	if (!pages->server)
		unlinkat(pages->dir_fd, name, 0);
	end(pages);
}
