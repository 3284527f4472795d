/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of session/ share. */
#ifndef LAZY_WP_SESSION_INTERNAL_H
#define LAZY_WP_SESSION_INTERNAL_H

#include "session/session.h"
#include "util/process.h"

struct session_times {
	uint64_t adopt_us, take_us, settle_us;
	uint64_t smaps_us; /* of adopt_us */
};

struct session {
	enum track_kind tracker;
	struct keeper_tree tree;
	struct keeper_client *keeper;
	struct keeper_iteration iteration;
	struct keeper_state before; /* soft-dirty: which tasks earlier iterations had */
	bool taking;                /* the keeper knows that pages are being taken */
	bool committed;             /* complete, on the disk, and the keeper knows */
	bool keeper_lost;           /* it could not be told: nothing is taken in this iteration */
	char writer[SESSION_REASON_MAX]; /* what can write the tree's memory unseen; "": nothing */
	bool aio;                        /* some process of the machine has an AIO context */
	bool hides;                      /* see session_set_hiding() */
	bool remote, parent_proven;      /* see session_set_remote() */
	int images;                      /* this iteration's directory, -1 before it is known */
	int parent;                      /* the directory of its parent, -1: none */
	struct session_times times;
	struct session_task *tasks;
	size_t nr_tasks;
};

struct session_task *session_find_task(struct session *session, pid_t pid);

/* adopt.c: brings a task under tracking as far as possible; -ESRCH: the task is gone. */
int session_adopt_task(struct session *session, struct session_task *task);

/* Notes that a mapping is tracked; fresh: since now, so that everything in it is dirty. */
int session_add_mapping(struct session_task *task, const struct track_vma *vma, bool fresh);

/*
 * soft-dirty.c: notes what the kernel tracks by itself: nothing is registered. On failure text
 * says why.
 */
int session_track_soft_dirty(const struct session *session, struct session_task *task,
			     char text[SESSION_REASON_MAX]);

/* False if the pages in [start, end) may be of the huge zero page, which is not soft-dirty. */
bool session_has_own_memory(const struct session_task *task, uint64_t start, uint64_t end);

/*
 * Gives the task's userfaultfd up, with a warning: the kernel forgets every protection, and all of
 * the task's memory is dirty for this and the next iteration.
 */
void session_leave_untracked(struct session *session, struct session_task *task,
			     const char *reason);

/*
 * inherited.c: a child that another thread forked while the userfaultfd of its parent was being
 * made has a copy of it. Closes in pid every copy of one of the nr descriptors uffds of ours, so
 * that nothing of us stays in the tree, where it would make CRIU refuse the dump. Returns how many
 * were closed; -ESRCH: pid is gone; errors of inject_close().
 */
int session_close_inherited(pid_t pid, const int *uffds, size_t nr);

/*
 * writers.c: with the tree stopped, finds what could write memory of any of its tasks unseen while
 * they are being armed; fills session->writer, and warns.
 */
void session_look_for_writers(struct session *session);

/*
 * writers.c: the tree's processes, those of the session that the kernel's lists of children have
 * just passed over (proc(5)) or that have ended included. Errors of process_tree().
 */
int session_processes(const struct session *session, struct process_list *ret_list);

/* settle.c: reads a task's mappings now: one by which the kernel writes, or NULL. */
const char *session_writer_in_mappings(pid_t pid);

/*
 * parent.c: fills task->cover with the pages that the parent images really have for it. Anything
 * that makes them unusable puts the reason into task->full and leaves the cover empty.
 */
void session_parent_cover(struct session *session, struct session_task *task);

/*
 * hide.c: after the take of a frozen task, divides what is known of it into task->dirty and
 * task->hidden. If the session does not hide, or on failure, nothing is known.
 */
void session_choose_hidden(const struct session *session, struct session_task *task);

void session_task_free(struct session_task *task);

#endif
