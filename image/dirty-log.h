/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lazy-wp-PID.img, the dirty log: what one iteration knew and took of one task (the format is in
 * proto/dirty-log.proto). The next iteration builds on a directory only if its log says that it
 * is the last one of the same session; `show` and `verify` explain pages with it.
 * A log is plain memory: a writer fills in its own arrays, a reader gets arrays that it owns and
 * ends with image_dirty_log_free() or auto_image_dirty_log. A file is either whole or absent:
 * it is written under a temporary name and renamed.
 * Files are hostile: whatever is read has aligned, ordered mappings, ranges that do not wrap
 * around, known enum values and terminated strings. Strings may hold any other byte.
 */
#ifndef LAZY_WP_IMAGE_DIRTY_LOG_H
#define LAZY_WP_IMAGE_DIRTY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/error.h"

#define IMAGE_SESSION_BYTES 16
#define IMAGE_TRACKER_MAX   32
#define IMAGE_RELEASE_MAX   65 /* as in struct utsname */
#define IMAGE_REASON_MAX    128

struct image_dirty_log_header {
	uint8_t session[IMAGE_SESSION_BYTES];
	uint64_t sequence;               /* of the iteration within the session, from 1 */
	char tracker[IMAGE_TRACKER_MAX]; /* "uffd-wp", "soft-dirty", "off" */
	char kernel_release[IMAGE_RELEASE_MAX];
	uint32_t pid;        /* as in image names */
	uint64_t start_time; /* of the task, clock ticks since boot */
	bool has_parent;
	uint64_t parent_sequence;
	char full_reason[IMAGE_REASON_MAX]; /* why all was taken; "": only what was written */
	bool remote;                        /* the pages went to a page server */
};

enum image_tracking {
	IMAGE_TRACKED = 1, /* registered by an earlier iteration */
	IMAGE_FRESH,       /* registered by this one: all of it was taken */
	IMAGE_UNTRACKED,   /* never registered */
};

struct image_dirty_log_mapping {
	uint64_t start, end; /* bytes, page-aligned */
	char perms[5];       /* as in /proc/PID/maps: rwxp */
	uint64_t pgoff;      /* bytes into the file */
	uint32_t dev_major, dev_minor;
	uint64_t ino; /* 0: anonymous */
	enum image_tracking tracking;
	char reason[IMAGE_REASON_MAX]; /* why it is untracked; may be "" */
};

enum image_taken_reason {
	IMAGE_TAKEN_WRITTEN = 1,
	IMAGE_TAKEN_FRESH,         /* its mapping was registered by this iteration */
	IMAGE_TAKEN_UNTRACKED,     /* its mapping is not registered */
	IMAGE_TAKEN_PINNED,        /* something could write past the page tables */
	IMAGE_TAKEN_MARKER,        /* a page table entry that cannot be told from a loss */
	IMAGE_TAKEN_NOT_IN_PARENT, /* unwritten, but the parent images do not have it */
	IMAGE_TAKEN_FULL,          /* see full_reason */
};

struct image_dirty_log_taken {
	uint64_t start;    /* bytes, page-aligned */
	uint64_t nr_pages; /* at least 1 */
	enum image_taken_reason reason;
};

struct image_dirty_log {
	struct image_dirty_log_header header;
	struct image_dirty_log_mapping *mappings; /* by ascending address */
	size_t nr_mappings;
	struct image_dirty_log_taken *taken; /* in any order */
	size_t nr_taken;
};

/*
 * Writes lazy-wp-PID.img into dir_fd and syncs it; the directory itself is left to the caller to
 * sync. On any failure an earlier file of that name is untouched and nothing else is left behind.
 * -EINVAL: log is not one that could be read back; -ENOSPC, -EFBIG, -EIO and other errors of
 * openat(2), write(2), fsync(2), renameat(2); -ENOMEM.
 */
int image_dirty_log_write(int dir_fd, unsigned int pid, const struct image_dirty_log *log);

/*
 * Reads lazy-wp-PID.img of dir_fd. -ENOENT: there is none; -EBADMSG: corrupt, cut off, or of a
 * version that is not known; errors of openat(2); -ENOMEM. error (may be NULL) says what and where.
 */
int image_dirty_log_read(int dir_fd, unsigned int pid, struct image_dirty_log *ret_log,
			 struct image_error *error);

/* The same for any dirty log by its name in dir_fd. */
int image_dirty_log_read_named(int dir_fd, const char *name, struct image_dirty_log *ret_log,
			       struct image_error *error);

/* Reads the header alone, which is the start of the file; what follows is not looked at. */
int image_dirty_log_read_header(int dir_fd, unsigned int pid,
				struct image_dirty_log_header *ret_header,
				struct image_error *error);

/* One word or phrase for people: "tracked", "written", ... */
const char *image_tracking_name(enum image_tracking tracking);
const char *image_taken_reason_name(enum image_taken_reason reason);

/* For logs that were read: frees the arrays. */
void image_dirty_log_free(struct image_dirty_log *log);
#define auto_image_dirty_log __attribute__((cleanup(image_dirty_log_free)))

#endif
