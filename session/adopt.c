// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing one running task under tracking: its userfaultfd is fetched from the keeper, or made
 * in the task and given to the keeper; then every mapping that can be tracked is registered.
 */
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ptrace-inject/inject.h"
#include "session/internal.h"
#include "track/kind.h"
#include "track/pins.h"
#include "track/uffd.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/process.h"

void session_leave_untracked(struct session *session, struct session_task *task, const char *reason)
{
	task->tracker = TRACK_KIND_NONE;
	util_close_cleanup(&task->uffd);
	task->uffd = -1;
	range_set_free(&task->tracked);
	range_set_free(&task->fresh);
	range_set_free(&task->written);
	range_set_free(&task->clean);
	range_set_free(&task->known);
	snprintf(task->untracked, sizeof(task->untracked), "%s", reason);
	log_warn("process %d is not tracked, all its memory counts as dirty: %s", task->pid,
		 reason);
	keeper_drop_task(session->keeper, task->pid);
	keeper_set_task(session->keeper, task->pid, task->start_time,
			track_kind_name(TRACK_KIND_NONE), 0, reason);
}

/*
 * Two processes with one memory (CLONE_VM without CLONE_THREAD): what is taken for one would look
 * clean for the other. Only the first may be tracked.
 */
static pid_t shares_memory_with(const struct session *session, const struct session_task *task)
{
	for (const struct session_task *other = session->tasks; other < task; other++)
		if (other->tracker != TRACK_KIND_NONE &&
		    !syscall(SYS_kcmp, other->pid, task->pid, KCMP_VM, 0, 0))
			return other->pid;
	return 0;
}

static bool any_registered(const struct track_vmas *vmas)
{
	for (size_t i = 0; i < vmas->nr; i++)
		if (vmas->v[i].flags & (TRACK_VMA_UFFD_WP | TRACK_VMA_UFFD_OTHER))
			return true;
	return false;
}

/* A reason not to have a userfaultfd in this task, or NULL. */
static const char *uffd_refusal(const struct session_task *task, char text[SESSION_REASON_MAX])
{
	struct track_pins pins;
	int ret = track_pins_read(task->pid, &pins);

	if (ret) {
		snprintf(text, SESSION_REASON_MAX, "reading its descriptors: %s", strerror(-ret));
		return text;
	}
	return pins.userfaultfd ? "it uses userfaultfd itself" : NULL;
}

/* A reason not to track this task, or NULL. */
static const char *task_refusal(const struct session *session, const struct session_task *task,
				char text[SESSION_REASON_MAX])
{
	const char *refusal = session->tracker == TRACK_KIND_UFFD_WP ? uffd_refusal(task, text) :
								       NULL;
	pid_t other;

	if (refusal)
		return refusal;
	other = shares_memory_with(session, task);
	if (other) {
		snprintf(text, SESSION_REASON_MAX, "it shares its memory with process %d", other);
		return text;
	}
	return NULL;
}

/* Makes a userfaultfd in the task and hands it to the keeper. */
static int create_uffd(struct session *session, struct session_task *task,
		       char text[SESSION_REASON_MAX])
{
	auto_close int uffd = -1;
	int ret;

	/* Ranges that are registered already belong to somebody else. Two trackers of one memory
	 * would each see as clean what the other has taken. */
	if (any_registered(&task->vmas)) {
		snprintf(text, SESSION_REASON_MAX, "another userfaultfd has part of its memory");
		return -EBUSY;
	}
	ret = fault_error("attach-before") ?:
					     inject_userfaultfd(task->pid, track_uffd_flags(), &uffd);
	if (ret) {
		snprintf(text, SESSION_REASON_MAX, "%s", inject_strerror(ret));
		return ret;
	}
	ret = track_uffd_init(uffd);
	if (!ret)
		ret = fault_error("keep-before") ?:
			      keeper_add_task(session->keeper, task->pid, task->start_time,
					      track_kind_name(TRACK_KIND_UFFD_WP), uffd);
	if (ret) {
		snprintf(text, SESSION_REASON_MAX, "keeping its userfaultfd: %s", strerror(-ret));
		return ret;
	}
	fault_point("keep-after");
	task->uffd = take_fd(&uffd);
	return 0;
}

int session_add_mapping(struct session_task *task, const struct track_vma *vma, bool fresh)
{
	int ret = range_set_add(fresh ? &task->fresh : &task->tracked, vma->start, vma->end);

	if (!ret && !track_vma_is_file(vma))
		ret = range_set_add(&task->anonymous, vma->start, vma->end);
	return ret;
}

/*
 * Registers every mapping, also those that are registered: the kernel ignores it for ours and
 * says EBUSY for another's. A mapping that went away or changed since it was listed fails, or
 * becomes fresh: both only make it dirty.
 */
static int register_vmas(struct session_task *task)
{
	for (size_t i = 0; i < task->vmas.nr; i++) {
		const struct track_vma *vma = &task->vmas.v[i];
		int ret;

		if (track_vma_refusal(vma))
			continue;
		ret = fault_error("register-before") ?:
			      track_uffd_register(task->uffd, vma->start, vma->end);
		if (ret == -ESRCH || ret == -ENOMEM)
			return ret;
		if (ret) {
			log_debug("process %d: mapping %llx-%llx is not tracked: %s", task->pid,
				  (unsigned long long)vma->start, (unsigned long long)vma->end,
				  strerror(-ret));
			continue;
		}
		ret = session_add_mapping(task, vma, !(vma->flags & TRACK_VMA_UFFD_WP));
		if (ret)
			return ret;
	}
	fault_point("register-after");
	return 0;
}

static void forget_ranges(struct session_task *task)
{
	range_set_free(&task->tracked);
	range_set_free(&task->fresh);
	range_set_free(&task->anonymous);
}

static int fetch_or_create_uffd(struct session *session, struct session_task *task,
				char text[SESSION_REASON_MAX])
{
	int uffd, ret = keeper_get_fd(session->keeper, task->pid, task->start_time, &uffd);

	if (ret)
		return create_uffd(session, task, text);
	if (any_registered(&task->vmas)) {
		task->uffd = uffd;
		return 0;
	}
	/* It has exec'ed, and another process keeps alive the memory that it has left. */
	close(uffd);
	task->executed = true;
	return create_uffd(session, task, text);
}

static int register_task(struct session *session, struct session_task *task,
			 char text[SESSION_REASON_MAX])
{
	int ret = fetch_or_create_uffd(session, task, text);

	if (ret)
		return ret;
	ret = register_vmas(task);
	if (ret != -ESRCH)
		goto out;
	/* The memory that this userfaultfd belonged to is gone: the task has exec'ed. */
	task->executed = true;
	forget_ranges(task);
	close(task->uffd);
	task->uffd = -1;
	ret = create_uffd(session, task, text);
	if (ret)
		return ret;
	ret = register_vmas(task);
out:
	if (ret)
		snprintf(text, SESSION_REASON_MAX, "registering its memory: %s", strerror(-ret));
	return ret;
}

int session_adopt_task(struct session *session, struct session_task *task)
{
	char text[SESSION_REASON_MAX] = "";
	const char *refusal;
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int ret = track_vmas_read(task->pid, true, &task->vmas);

	session->times.smaps_us += clock_us(CLOCK_MONOTONIC) - start;
	if (ret == -ESRCH)
		return ret;
	refusal = ret ? strerror(-ret) : task_refusal(session, task, text);
	if (!refusal) {
		ret = session->tracker == TRACK_KIND_SOFT_DIRTY ?
			      session_track_soft_dirty(session, task, text) :
			      register_task(session, task, text);
		refusal = ret ? text : NULL;
	}
	if (refusal && (ret == -ESRCH || process_has_ended(task->pid)))
		return -ESRCH; /* it ended meanwhile: not worth a warning */
	if (refusal) {
		session_leave_untracked(session, task, refusal);
		return 0;
	}
	task->tracker = session->tracker;
	/* Now, because the images may be large and the tree still runs. */
	session_parent_cover(session, task);
	keeper_set_task(session->keeper, task->pid, task->start_time,
			track_kind_name(task->tracker), task->vmas.nr, NULL);
	return 0;
}
