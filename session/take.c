// SPDX-License-Identifier: GPL-2.0-only
/* Taking what a task wrote, and the rule by which a page is called clean. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "track/quick.h"
#include "track/scan.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/process.h"

static void all_dirty(struct session_task *task, const char *reason)
{
	snprintf(task->full, sizeof(task->full), "%s", reason);
	task->full_as_expected = false;
	range_set_free(&task->clean);
	range_set_free(&task->known);
}

/* NULL if nothing can write this task's memory behind our back while it is being armed. */
static const char *writer_behind(const struct session *session, const struct session_task *task)
{
	const char *writer = NULL;

	for (size_t i = 0; i < task->vmas.nr && !writer; i++)
		writer = track_vma_writer(&task->vmas.v[i]);
	/* The one kind that has no descriptor, and it may have come since the task was adopted. */
	if (!writer && session->aio)
		writer = session_writer_in_mappings(task->pid);
	return !writer && session->writer[0] ? session->writer : writer;
}

static int take_ranges(int pagemap, const struct range_set *ranges, struct range_set *taken)
{
	for (size_t i = 0; i < ranges->nr; i++) {
		int ret = track_take(pagemap, ranges->v[i].start, ranges->v[i].end, taken);

		if (ret)
			return ret;
	}
	return 0;
}

static int take_quickly(int pagemap, const struct range *range, const struct session *session,
			struct session_task *task)
{
	auto_range_set struct range_set open = { 0 };
	const struct track_quick found = {
		.taken = &task->written,
		.quiet = &task->quiet,
		.empty = &task->empty,
		.open = &open,
		.stopped = session->hides ? task->pid : 0,
	};
	int ret = track_take_quickly(pagemap, range->start, range->end, &found);

	if (!ret)
		ret = range_set_add(&task->known, range->start, range->end);
	for (size_t i = 0; i < open.nr && !ret; i++)
		ret = range_set_remove(&task->known, open.v[i].start, open.v[i].end);
	return ret;
}

/* The quick way where it is exact; a mapping that went away or was replaced is asked in full. */
static int take_anonymous(int pagemap, const struct range_set *ranges,
			  const struct session *session, struct session_task *task)
{
	bool exact = track_quick_is_exact(pagemap);
	int ret = 0;

	for (size_t i = 0; i < ranges->nr && !ret; i++) {
		const struct range *range = &ranges->v[i];

		ret = exact ? take_quickly(pagemap, range, session, task) : -EPERM;
		if (ret == -EPERM)
			ret = track_take(pagemap, range->start, range->end, &task->written);
	}
	return ret;
}

/* Soft-dirty is read later, page by page as CRIU asks for it, and reset after that. */
static int take_written(const struct session *session, struct session_task *task)
{
	auto_range_set struct range_set anonymous = { 0 }, files = { 0 };
	auto_close int pagemap = -1;
	int ret;

	if (task->tracker == TRACK_KIND_SOFT_DIRTY)
		return 0;
	pagemap = track_pagemap_open(task->pid);
	ret = pagemap < 0 ? pagemap :
			    range_set_intersect(&task->tracked, &task->anonymous, &anonymous);
	if (!ret)
		ret = range_set_subtract(&task->tracked, &task->anonymous, &files);
	if (!ret)
		ret = take_anonymous(pagemap, &anonymous, session, task);
	if (!ret)
		ret = take_ranges(pagemap, &files, &task->written);
	return ret ? ret : take_ranges(pagemap, &task->fresh, &task->written);
}

/* clean = registered before this iteration, in the parent's images, and not written since. */
static int find_clean(struct session_task *task)
{
	auto_range_set struct range_set in_parent = { 0 };
	int ret = range_set_intersect(&task->tracked, &task->cover, &in_parent);

	return ret ? ret : range_set_subtract(&in_parent, &task->written, &task->clean);
}

static bool is_still_the_same(const struct session_task *task)
{
	uint64_t start_time;

	return !process_start_time(task->pid, &start_time) && start_time == task->start_time;
}

static void take(struct session *session, struct session_task *task)
{
	bool tracked = task->tracker != TRACK_KIND_NONE;
	const char *writer;
	int ret;

	if (!tracked || !is_still_the_same(task)) {
		all_dirty(task, tracked ? "its pid was reused" : task->untracked);
		return;
	}
	writer = writer_behind(session, task);
	if (writer) {
		/* Nothing is armed: a page that is pinned now could change and stay clean. */
		if (writer != session->writer) /* of that one everybody knows */
			log_warn("process %d: %s can write its memory unseen, all of it counts as "
				 "dirty",
				 task->pid, writer);
		all_dirty(task, writer);
		return;
	}
	task->armed = true;
	ret = fault_error("arm-before") ?: take_written(session, task);
	fault_point("arm-after");
	if (!ret)
		ret = find_clean(task);
	if (ret) {
		all_dirty(task, strerror(-ret));
		task->full_as_expected = ret == -ESRCH || process_has_ended(task->pid);
	} else if (task->clean.nr && session->remote && !session->parent_proven) {
		all_dirty(task, "the page server's parent directory is not the last iteration's");
	}
	session_choose_hidden(session, task);
	if (task->full[0])
		log_line(task->full_as_expected ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
			 "process %d: all memory is taken: %s", task->pid, task->full);
}

/* Without the keeper's mark a killed iteration would go unnoticed: then nothing is armed. */
static bool may_take(struct session *session, pid_t pid)
{
	int ret;

	if (session->taking || session->keeper_lost)
		return session->taking;
	ret = fault_error("take-before") ?: keeper_take(session->keeper);
	fault_point("take-after");
	if (ret) /* it ends with the tree, and that is worth no warning */
		log_line(process_has_ended(pid) ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
			 "the keeper does not answer, all memory counts as dirty: %s",
			 strerror(-ret));
	session->keeper_lost = ret;
	session->taking = !ret;
	if (session->taking)
		session_look_for_writers(session);
	return session->taking;
}

struct session_task *session_take(struct session *session, pid_t pid)
{
	struct session_task *task = session_find_task(session, pid);
	uint64_t start = clock_us(CLOCK_MONOTONIC);

	if (!task || task->taken || !may_take(session, pid))
		return task;
	task->taken = true;
	take(session, task);
	session->times.take_us += clock_us(CLOCK_MONOTONIC) - start;
	return task;
}

struct session_task *session_taken(struct session *session, pid_t pid)
{
	struct session_task *task = session_find_task(session, pid);

	return task && task->taken ? task : NULL;
}

int session_pages_to_copy(const struct session_task *task, struct range_set *ret_pages)
{
	auto_range_set struct range_set pages = { 0 };
	auto_close int pagemap = track_pagemap_open(task->pid);
	int ret = pagemap < 0 ? pagemap : range_set_add_all(&pages, &task->written);

	/* In what is tracked since now every page was written, and is in the take. */
	for (size_t i = 0; task->full[0] && i < task->tracked.nr && !ret; i++)
		ret = track_existing(pagemap, task->tracked.v[i].start, task->tracked.v[i].end,
				     &pages);
	if (ret)
		return ret;
	*ret_pages = pages;
	pages = (struct range_set){ 0 };
	return 0;
}

static uint64_t count_ranges(int pagemap, const struct range_set *ranges)
{
	uint64_t sum = 0, pages;

	for (size_t i = 0; i < ranges->nr; i++)
		if (!track_count_written(pagemap, ranges->v[i].start, ranges->v[i].end, &pages))
			sum += pages;
	return sum;
}

uint64_t session_count_written(const struct session_task *task)
{
	auto_close int pagemap = track_pagemap_open(task->pid);

	if (pagemap < 0)
		return 0;
	return count_ranges(pagemap, &task->tracked) + count_ranges(pagemap, &task->fresh);
}

bool session_is_clean(const struct session_task *task, uint64_t start, uint64_t end,
		      uint64_t categories)
{
	bool file = !range_set_contains(&task->anonymous, start, end);

	if (!range_set_contains(&task->clean, start, end))
		return false;
	if (task->tracker == TRACK_KIND_SOFT_DIRTY)
		return track_is_soft_clean(categories) && session_has_own_memory(task, start, end);
	return track_is_clean(categories, file);
}
