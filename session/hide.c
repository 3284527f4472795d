// SPDX-License-Identifier: GPL-2.0-only
/* Clean pages that CRIU is not told of, and how they come into its images all the same. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/merge.h"
#include "session/internal.h"
#include "track/scan.h"
#include "util/cleanup.h"
#include "util/fault.h"
#include "util/log.h"

void session_set_hiding(struct session *session)
{
	session->hides = true;
}

bool session_hides(const struct session *session)
{
	return session->hides;
}

static int mapped_now(pid_t pid, struct range_set *mapped)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	int ret = track_vmas_read(pid, false, &vmas);

	for (size_t i = 0; i < vmas.nr && !ret; i++)
		ret = range_set_add(mapped, vmas.v[i].start, vmas.v[i].end);
	return ret;
}

static int find_guards(struct session_task *task)
{
	auto_close int pagemap = track_pagemap_open(task->pid);
	int ret = pagemap < 0 ? pagemap : 0;

	for (size_t i = 0; i < task->empty.nr && !ret; i++)
		ret = track_find_guards(pagemap, task->empty.v[i].start, task->empty.v[i].end,
					&task->guards);
	return ret;
}

/*
 * The proof holds for pages of a mapping, so what is not mapped any more is no part of it.
 * Everything that exists and is not hidden is dirty, be it only that the parent lacks it.
 */
static int divide(struct session_task *task)
{
	auto_range_set struct range_set mapped = { 0 }, quiet = { 0 }, rest = { 0 };
	int ret = mapped_now(task->pid, &mapped);

	if (!ret)
		ret = range_set_intersect(&task->quiet, &mapped, &quiet);
	if (!ret)
		ret = range_set_intersect(&quiet, &task->clean, &task->hidden);
	if (!ret)
		ret = range_set_intersect(&task->written, &task->known, &task->dirty);
	if (!ret)
		ret = range_set_subtract(&quiet, &task->hidden, &rest);
	if (!ret)
		ret = range_set_add_all(&task->dirty, &rest);
	return ret ? ret : find_guards(task);
}

void session_choose_hidden(const struct session *session, struct session_task *task)
{
	if (session->hides && task->known.nr && !divide(task))
		return;
	range_set_free(&task->known);
	range_set_free(&task->hidden);
	range_set_free(&task->dirty);
	range_set_free(&task->guards);
}

int session_hide(struct session_task *task, uint64_t start, uint64_t end)
{
	int ret = 0;

	for (size_t i = range_set_find(&task->hidden, start); i < task->hidden.nr && !ret; i++) {
		const struct range *range = &task->hidden.v[i];

		if (range->start >= end)
			break;
		ret = range_set_add(&task->asked, range->start > start ? range->start : start,
				    range->end < end ? range->end : end);
	}
	return ret;
}

int session_restore_hidden(struct session *session)
{
	int ret = fault_error("hidden-before");

	for (size_t i = 0; i < session->nr_tasks && !ret; i++) {
		const struct session_task *task = &session->tasks[i];

		if (task->hidden.nr)
			ret = image_pagemap_merge(session->images, task->image_pid, &task->hidden);
		if (ret)
			log_error("cannot complete pagemap-%u.img: %s", task->image_pid,
				  strerror(-ret));
	}
	fault_point("hidden-after");
	return ret;
}

uint64_t session_count_hidden(const struct session *session)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < session->nr_tasks; i++)
		bytes += range_set_bytes(&session->tasks[i].asked);
	return bytes / (uint64_t)sysconf(_SC_PAGESIZE);
}
