// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRIU's --auto-dedup: pages that an iteration has written are punched out of the directories that
 * it builds upon. These then serve as its parents only. So it is done only when the iteration is
 * committed and on the disk, and only to directories that are proven to be of this session: a
 * wrong --prev-images-dir is somebody's checkpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/dirty-log.h"
#include "image/pagemap.h"
#include "session/internal.h"
#include "util/cleanup.h"
#include "util/log.h"

static int punch_range(int pages, const struct image_pagemap_entry *entry, uint64_t start,
		       uint64_t end)
{
	uint64_t entry_end = entry->vaddr + entry->nr_pages * image_page_size();

	if (start < entry->vaddr)
		start = entry->vaddr;
	if (end > entry_end)
		end = entry_end;
	if (start >= end || !(entry->flags & IMAGE_PAGES_PRESENT))
		return 0;
	return fallocate(pages, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(entry->offset + (start - entry->vaddr)), (off_t)(end - start)) ?
		       -errno :
		       0;
}

/* Both are sorted. */
static int punch_written(int pages, const struct image_pagemap *written,
			 const struct image_pagemap *old)
{
	const struct image_pagemap_entry *last = old->v + old->nr;
	int ret = 0;

	for (size_t i = 0; i < written->nr && !ret; i++) {
		const struct image_pagemap_entry *entry = &written->v[i], *of_old;
		uint64_t end = entry->vaddr + entry->nr_pages * image_page_size();

		if (!(entry->flags & IMAGE_PAGES_PRESENT))
			continue;
		of_old = image_pagemap_find(old, entry->vaddr);
		for (; of_old && of_old < last && of_old->vaddr < end && !ret; of_old++)
			ret = punch_range(pages, of_old, entry->vaddr, end);
	}
	return ret;
}

static int punch_directory(int dir, unsigned int pid, const struct image_pagemap *written)
{
	auto_image_pagemap struct image_pagemap old = { 0 };
	auto_close int pages = -1;
	char name[32];
	int ret = image_pagemap_load(dir, pid, &old, NULL);

	/* In compressed pages CRIU does not punch either. */
	if (ret || !old.nr_present_pages || old.compressed)
		return ret;
	snprintf(name, sizeof(name), "pages-%u.img", old.pages_id);
	pages = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return pages < 0 ? -errno : punch_written(pages, written, &old);
}

/*
 * True if dir holds an iteration of this session and task before *sequence, which becomes its own;
 * builds: whether it counts upon its parent. Sequences fall, so that no links lead back.
 */
static bool is_ours(const struct session *session, const struct session_task *task, int dir,
		    uint64_t *sequence, bool *ret_builds)
{
	struct image_dirty_log_header header = { 0 };

	if (image_dirty_log_read_header(dir, task->image_pid, &header, NULL) ||
	    memcmp(header.session, session->iteration.session, sizeof(header.session)) ||
	    header.start_time != task->start_time || header.remote || header.sequence >= *sequence)
		return false;
	*sequence = header.sequence;
	*ret_builds = header.has_parent;
	return true;
}

static int dedup_task(const struct session *session, const struct session_task *task)
{
	auto_image_pagemap struct image_pagemap written = { 0 };
	uint64_t sequence = session->iteration.sequence;
	int dir = session->parent, ret;
	bool builds = true;

	ret = image_pagemap_load(session->images, task->image_pid, &written, NULL);
	while (!ret && builds && dir >= 0 && is_ours(session, task, dir, &sequence, &builds)) {
		int next = openat(dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		ret = punch_directory(dir, task->image_pid, &written);
		if (dir != session->parent)
			close(dir);
		dir = next;
	}
	if (dir >= 0 && dir != session->parent)
		close(dir);
	return ret;
}

void session_dedup(const struct session *session)
{
	if (!session->committed || session->remote)
		return;
	for (size_t i = 0; i < session->nr_tasks; i++) {
		const struct session_task *task = &session->tasks[i];
		int ret = task->taken && !task->full[0] ? dedup_task(session, task) : 0;

		if (ret && ret != -ENOENT) /* it ended before it was copied */
			log_warn("pages of %u that are written anew stay in the parents, too: %s",
				 task->image_pid, strerror(-ret));
	}
}
