/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One iteration (pre-dump or dump) of a tree, as a transaction. The caller goes through it in
 * this order:
 *   session_open()   the tree's keeper is started or found, the iteration is ours alone
 *   session_set_images()  where the images go, and what they build upon
 *   session_adopt()  tasks still running: each gets its userfaultfd, new mappings are registered
 *   session_take()   per task, normally frozen: what was written is read and armed again, once;
 *                    from here on the session counts as broken until it is committed
 *   session_settle() only if the tasks are not frozen, before their pages are copied
 *   session_commit() images complete: dirty logs are written, everything is synced
 *   session_close()  without a commit after a take, the next iteration takes everything
 * If this process dies anywhere in between, the keeper sees its connection close and does the
 * same. A task that dies meanwhile is simply not tracked any more. The caller owns the session;
 * it is used from one thread. This layer decides and therefore logs, once per fact.
 */
#ifndef LAZY_WP_SESSION_SESSION_H
#define LAZY_WP_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/dirty-log.h"
#include "keeper/client/keeper-client.h"
#include "track/kind.h"
#include "track/vma.h"
#include "util/range.h"

#define SESSION_REASON_MAX 128

struct session_task {
	pid_t pid;
	uint32_t image_pid;      /* the pid in image names: the innermost one */
	uint64_t start_time;     /* clock ticks */
	enum track_kind tracker; /* TRACK_KIND_NONE: untracked */
	int uffd;                /* -1: there is none */
	bool executed; /* another program since the last iteration: its userfaultfd was dead */
	char untracked[SESSION_REASON_MAX]; /* why, if it is */
	struct track_vmas vmas;             /* as they were at adoption, with flags */
	struct range_set tracked;           /* registered since an earlier iteration */
	struct range_set fresh;             /* registered by this one: everything in it is dirty */
	struct range_set anonymous;         /* of those two, mappings without a file */
	struct range_set cover;             /* what the parent directory has of the task */

	bool armed;                    /* the take protects pages of it */
	bool taken;                    /* session_take() has run; the rest is valid only then */
	char full[SESSION_REASON_MAX]; /* why all memory counts as dirty; "" if incremental */
	bool full_as_expected;         /* nobody need be warned: a first iteration, a new process */
	struct range_set written; /* what the take found and armed; soft-dirty: was told later */
	struct range_set clean;   /* may be, if the page proves it: see session_is_clean() */
	struct range_set quiet;   /* anonymous pages that the take proved unwritten */
	struct range_set empty;   /* anonymous memory that the take found without content */
	struct range_set known;   /* what need not be asked for again: see session_hide() */
	struct range_set dirty;   /* in known: all that has content and is not hidden */
	struct range_set guards;  /* in known: guard regions */
	struct range_set hidden;  /* in known: proven clean, CRIU is not told of it */
	struct range_set asked;   /* of hidden: CRIU has asked, so it belongs into its images */
};

struct session;

/*
 * Opens an iteration of the tree under root; what is "pre-dump" or "dump"; daemon is lazy-wpd's
 * path; tracker is not TRACK_KIND_NONE. -EBUSY: another iteration runs (logged with its pid);
 * -ESRCH: root is gone; other errors of the keeper's client. Every failure is logged here.
 */
int session_open(pid_t root, const char *what, const char *daemon, enum track_kind tracker,
		 struct session **ret_session);

/*
 * Brings every task of the tree under tracking as far as possible. What cannot be tracked is
 * logged with the reason and counts as dirty; that is not an error. -ESRCH: root is gone; -ENOMEM.
 */
int session_adopt(struct session *session);

/*
 * images: the directory of this iteration. Its `parent` link, if any, is what clean pages must be
 * found in. The descriptor is duplicated. -EBADF, -EMFILE.
 */
int session_set_images(struct session *session, int images);

/*
 * Page servers: the images of this iteration go to one, into a directory of which we cannot see
 * whether its parent is the last iteration's. So each iteration leaves a mark there, an empty image
 * whose id is made of session and sequence, as its last one; the next asks the server whether its
 * parent directory has that. Unless session_prove_parent() was called before the take, nothing of
 * a remote iteration is clean. session_set_remote() comes before session_adopt().
 */
void session_set_remote(struct session *session);
bool session_is_remote(const struct session *session);
uint64_t session_mark(const struct session *session);
uint64_t session_parent_mark(const struct session *session); /* 0: there is no parent */
void session_prove_parent(struct session *session);

/*
 * Takes what pid wrote since the last iteration, once; later calls return the same answer. NULL:
 * pid is not known to the session (all of it is dirty). Never fails: what goes wrong makes the
 * task's memory dirty and is logged; without a keeper the task is returned as one of which nothing
 * is clean and nothing was taken.
 */
struct session_task *session_take(struct session *session, pid_t pid);

/*
 * For tasks that ran while they were taken, before their pages are copied: waits until whatever
 * was writing memory past the page tables at that moment (a direct read in flight) has ended, so
 * that the copies have it. Where that cannot be known, tracking begins anew, with a warning.
 */
void session_settle(struct session *session);

/* How long reading the mappings' list with all its details took, of all tasks; CRIU does it too. */
uint64_t session_smaps_us(const struct session *session);

/* What session_take() returned for pid; NULL: nothing yet, or it is not known. */
struct session_task *session_taken(struct session *session, pid_t pid);

/*
 * Soft-dirty is not taken by us: CRIU reads it, by asking us, and resets it itself. Notes that the
 * pages in [start, end) were called dirty, for the dirty log.
 */
void session_note_dirty(struct session_task *task, uint64_t start, uint64_t end);

/* The tasks that were adopted, in the tree's order; index from 0, NULL after the last. */
struct session_task *session_task_at(struct session *session, size_t index);

/*
 * The pages that this iteration's images must have of a task taken: what the take found, and if
 * nothing can be built upon, every other page that exists in a tracked mapping. Empty for an
 * untracked task. -ESRCH, -EACCES, -ENOMEM.
 */
int session_pages_to_copy(const struct session_task *task, struct range_set *ret_pages);

/*
 * The pages of a task that a take would find now: after a take, those written since. 0 for an
 * untracked task and for one that is gone.
 */
uint64_t session_count_written(const struct session_task *task);

/* True if all pages in [start, end), read as categories after the take, are proven clean. */
bool session_is_clean(const struct session_task *task, uint64_t start, uint64_t end,
		      uint64_t categories);

/*
 * Hiding: CRIU looks at every page that it is told of, also at the clean ones, while the tree is
 * frozen. With hiding it is not told of those that the take itself has proved clean; they are
 * put into its images before these count. Only for the dump of a frozen tree. From session_take()
 * on, the memory in task->known need not be asked for: what is neither in task->dirty,
 * task->guards nor task->hidden there has no content.
 */
void session_set_hiding(struct session *session);
bool session_hides(const struct session *session);

/* Notes the part of task->hidden in [start, end) as asked for, which may happen twice. -ENOMEM. */
int session_hide(struct session_task *task, uint64_t start, uint64_t end);

/*
 * Adds the hidden pages to CRIU's pagemap-PID.img files as pages of the parent. To be called when
 * these are complete, and before inventory.img, without which images are none. Errors of
 * image_pagemap_merge(), logged: then the dump must fail.
 */
int session_restore_hidden(struct session *session);

/* The number of pages hidden from CRIU, of all tasks: its statistics lack them. */
uint64_t session_count_hidden(const struct session *session);

/* What the session itself does not know of an iteration. */
struct session_figures {
	const char *command; /* as in session_open() */
	uint64_t pages_written, pages_in_parent;
	uint64_t copy_us;     /* live only */
	uint64_t smaps_us;    /* of CRIU in the freeze; CRIU's own pre-dumps and dumps only */
	unsigned int threads; /* that copied; live only */
};

/*
 * Writes lazy-wp-stats.json into the images directory: where time went and why pages were taken.
 * Nothing depends on it, so that a failure is only a word in the log. Before session_commit().
 */
void session_write_stats(const struct session *session, const struct session_figures *figures);

/*
 * Ends a successful iteration: writes lazy-wp-PID.img for every task taken, syncs all images,
 * commits in the keeper. -EIO, -ENOSPC, -EDQUOT (logged): the disk lost a part of the images. Any
 * other failure is a warning: the images are good, but no later iteration builds on them.
 */
int session_commit(struct session *session);

/*
 * After session_commit(), and if that did commit: punches the pages that this iteration has written
 * out of the images of its parents, which can then be restored only as parents (--auto-dedup).
 * What cannot be punched stays, with a warning.
 */
void session_dedup(const struct session *session);

/* Ends the iteration, as failed if it was not committed; frees everything. NULL is allowed. */
void session_close(struct session *session);

#endif
