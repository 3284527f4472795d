// SPDX-License-Identifier: GPL-2.0-only
/* Clean pages that CRIU is not told of, and how they come into its images all the same. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/merge.h"
#include "session/internal.h"
#include "util/cleanup.h"
#include "util/fault.h"
#include "util/log.h"

void session_set_hiding(struct session *session)
{
	session->hides = true;
}

static int mapped_now(pid_t pid, struct range_set *mapped)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	int ret = track_vmas_read(pid, false, &vmas);

	for (size_t i = 0; i < vmas.nr && !ret; i++)
		ret = range_set_add(mapped, vmas.v[i].start, vmas.v[i].end);
	return ret;
}

void session_choose_hidden(const struct session *session, struct session_task *task)
{
	auto_range_set struct range_set quiet = task->quiet, mapped = { 0 };

	task->quiet = (struct range_set){ 0 };
	if (session->hides && quiet.nr && !mapped_now(task->pid, &mapped))
		range_set_intersect(&quiet, &mapped, &task->quiet);
}

int session_hide(struct session_task *task, uint64_t start, uint64_t end)
{
	int ret = 0;

	for (size_t i = range_set_find(&task->quiet, start); i < task->quiet.nr && !ret; i++) {
		const struct range *range = &task->quiet.v[i];

		if (range->start >= end)
			break;
		ret = range_set_add(&task->hidden, range->start > start ? range->start : start,
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
		bytes += range_set_bytes(&session->tasks[i].hidden);
	return bytes / (uint64_t)sysconf(_SC_PAGESIZE);
}
