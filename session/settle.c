// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page may be written by a device (a direct read) at the very moment in which it is protected.
 * Pinning it was a write, but that note is gone with the take, and what the device writes later is
 * never seen. While the tree is frozen no system call is under way; while it runs, every call that
 * was must end before the copy is made. Pins that last longer have an owner that can be seen.
 */
#include <errno.h>
#include <stdio.h>

#include "ptrace-inject/inject.h"
#include "session/internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/process.h"

static int pass_tree(const struct session *session, char reason[SESSION_REASON_MAX])
{
	auto_process_list struct process_list tree = { 0 };
	int ret = session_processes(session, &tree);

	for (size_t i = 0; i < tree.nr && !ret; i++) {
		ret = inject_barrier(tree.v[i]);
		if (ret == -ESRCH) /* what it was doing has ended with it */
			ret = 0;
		if (ret)
			snprintf(reason, SESSION_REASON_MAX,
				 "process %d may be reading past the page tables: %s", tree.v[i],
				 inject_strerror(ret));
	}
	return ret;
}

static void begin_anew(struct session *session, const char *reason)
{
	for (size_t i = 0; i < session->nr_tasks; i++)
		if (session->tasks[i].armed)
			session_leave_untracked(session, &session->tasks[i], reason);
}

const char *session_writer_in_mappings(pid_t pid)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	int ret = track_vmas_read(pid, false, &vmas);
	const char *writer = ret && ret != -ESRCH ? "its mappings cannot be read" : NULL;

	for (size_t i = 0; i < vmas.nr && !writer; i++)
		writer = track_vma_writer(&vmas.v[i]);
	return writer;
}

/* Mappings may have come since the tasks were adopted. */
static void look_at_mappings(struct session *session)
{
	for (size_t i = 0; i < session->nr_tasks; i++) {
		struct session_task *task = &session->tasks[i];
		const char *writer = task->armed ? session_writer_in_mappings(task->pid) : NULL;

		if (writer)
			session_leave_untracked(session, task, writer);
	}
}

static void settle(struct session *session)
{
	char reason[SESSION_REASON_MAX] = "";

	if (session->writer[0]) /* nothing has been protected */
		return;
	if (pass_tree(session, reason)) {
		begin_anew(session, reason);
		return;
	}
	session_look_for_writers(session);
	if (session->writer[0])
		begin_anew(session, session->writer);
	else
		look_at_mappings(session);
}

void session_settle(struct session *session)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);

	settle(session);
	session->times.settle_us = clock_us(CLOCK_MONOTONIC) - start;
}
