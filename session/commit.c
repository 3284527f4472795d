// SPDX-License-Identifier: GPL-2.0-only
/* The end of an iteration: dirty logs, syncing, and the keeper's commit, in this order. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "session/internal.h"
#include "track/kind.h"
#include "util/cleanup.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/process.h"

static void fill_header(const struct session *session, const struct session_task *task,
			struct image_dirty_log_header *header)
{
	struct utsname kernel;

	uname(&kernel);
	memcpy(header->session, session->iteration.session, sizeof(header->session));
	header->sequence = session->iteration.sequence;
	snprintf(header->tracker, sizeof(header->tracker), "%s", track_kind_name(task->tracker));
	snprintf(header->kernel_release, sizeof(header->kernel_release), "%s", kernel.release);
	header->pid = task->image_pid;
	header->start_time = task->start_time;
	header->has_parent = !task->full[0];
	header->parent_sequence = session->iteration.last_committed;
	header->remote = session->remote;
	snprintf(header->full_reason, sizeof(header->full_reason), "%s", task->full);
}

static void fill_mapping(const struct session_task *task, const struct track_vma *vma,
			 struct image_dirty_log_mapping *mapping)
{
	const char *refusal = track_vma_refusal(vma);

	*mapping = (struct image_dirty_log_mapping){
		.start = vma->start,
		.end = vma->end,
		.pgoff = vma->pgoff,
		.dev_major = vma->dev_major,
		.dev_minor = vma->dev_minor,
		.ino = vma->ino,
		.tracking = IMAGE_UNTRACKED,
	};
	memcpy(mapping->perms, vma->perms, sizeof(mapping->perms));
	if (range_set_contains(&task->tracked, vma->start, vma->end))
		mapping->tracking = IMAGE_TRACKED;
	else if (range_set_contains(&task->fresh, vma->start, vma->end))
		mapping->tracking = IMAGE_FRESH;
	else
		snprintf(mapping->reason, sizeof(mapping->reason), "%s",
			 refusal                          ? refusal :
			 task->tracker == TRACK_KIND_NONE ? task->untracked :
							    "not registered");
}

static int fill_mappings(const struct session_task *task, struct image_dirty_log *log)
{
	log->mappings = calloc(task->vmas.nr + 1, sizeof(*log->mappings));
	if (!log->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < task->vmas.nr; i++)
		fill_mapping(task, &task->vmas.v[i], &log->mappings[log->nr_mappings++]);
	return 0;
}

static enum image_taken_reason taken_reason(const struct session_task *task,
					    const struct range *range)
{
	if (range_set_contains(&task->fresh, range->start, range->end))
		return IMAGE_TAKEN_FRESH;
	return task->full[0] ? IMAGE_TAKEN_FULL : IMAGE_TAKEN_WRITTEN;
}

static int fill_taken(const struct session_task *task, struct image_dirty_log *log)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);

	log->taken = calloc(task->written.nr + 1, sizeof(*log->taken));
	if (!log->taken)
		return -ENOMEM;
	for (size_t i = 0; i < task->written.nr; i++) {
		const struct range *range = &task->written.v[i];

		log->taken[log->nr_taken++] = (struct image_dirty_log_taken){
			.start = range->start,
			.nr_pages = (range->end - range->start) / page_size,
			.reason = taken_reason(task, range),
		};
	}
	return 0;
}

static int write_log(const struct session *session, const struct session_task *task)
{
	auto_image_dirty_log struct image_dirty_log log = { 0 };
	int ret;

	fill_header(session, task, &log.header);
	ret = fill_mappings(task, &log);
	if (!ret)
		ret = fill_taken(task, &log);
	return ret ? ret : image_dirty_log_write(session->images, task->image_pid, &log);
}

/*
 * lost: data that was written is gone, or fsync(2) would not fail; which errno says so is the
 * device's choice. The three are of file systems that have nothing to sync.
 */
static int sync_file(int fd, bool *lost)
{
	int ret = fault_error("sync-before") ?: fsync(fd) ? -errno : 0;

	if (!ret || ret == -EINVAL || ret == -EROFS || ret == -ENOSYS)
		return 0;
	*lost = true;
	return ret;
}

/* Some file systems do not say so in a directory (DT_UNKNOWN). */
static bool is_file(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || S_ISREG(st.st_mode);
}

/* Data first: a commit must not outlive images that the disk refused to take. */
static int sync_images(const struct session *session, bool *lost)
{
	int fd = openat(session->images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while (!ret && (errno = 0, entry = readdir(dir))) {
		auto_close int file = -1;

		if (!is_file(fd, entry))
			continue;
		file = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		ret = file < 0 ? -errno : sync_file(file, lost);
	}
	if (!ret && errno)
		ret = -errno;
	return ret ? ret : sync_file(fd, lost);
}

static int write_logs(const struct session *session)
{
	int ret = 0;

	for (size_t i = 0; i < session->nr_tasks && !ret; i++)
		if (session->tasks[i].taken)
			ret = fault_error("image-write-before") ?:
				      write_log(session, &session->tasks[i]);
	fault_point("image-write-after");
	return ret;
}

int session_commit(struct session *session)
{
	int written, synced, ret;
	bool lost = false;

	if (!session->taking) /* nothing was taken, so there is nothing that could be lost */
		return 0;
	written = write_logs(session);
	synced = sync_images(session, &lost);
	fault_point("sync-after");
	if (lost) {
		log_error("the images of %d are incomplete, the disk refused a part of them: %s",
			  session->tree.root, strerror(-synced));
		return synced;
	}
	ret = written ?: synced;
	if (!ret)
		ret = fault_error("commit-before") ?:
			      keeper_commit(session->keeper, session->iteration.sequence);
	session->committed = !ret;
	fault_point("commit-after");
	/* By this dump: its keeper went with it. */
	if (ret && !process_has_ended(session->tree.root))
		log_warn("this iteration cannot be built upon, the next one takes all memory: %s",
			 strerror(-ret));
	return 0;
}
