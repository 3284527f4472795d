// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages the parent images really have. They count only if the parent is the last committed
 * iteration of this very session: any other directory is older than what the tracker knows.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "image/dirty-log.h"
#include "image/pagemap.h"
#include "session/internal.h"
#include "track/kind.h"

static void explain(char ret_full[SESSION_REASON_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void explain(char ret_full[SESSION_REASON_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_full, SESSION_REASON_MAX, format, args);
	va_end(args);
}

static void explain_expected(struct session_task *task, const char *reason)
{
	explain(task->full, "%s", reason);
	task->full_as_expected = true;
}

/* False, with the reason, if the tracker's knowledge does not start at the parent directory. */
static bool session_continues(const struct session *session, struct session_task *task)
{
	const struct keeper_iteration *iteration = &session->iteration;

	if (session->parent < 0)
		explain_expected(task, "no parent images were given");
	else if (iteration->broken)
		explain(task->full, "%s", iteration->broken_reason);
	else if (!iteration->last_committed)
		explain(task->full, "tracking has only just begun");
	else
		return true;
	return false;
}

static bool log_is_of_last_iteration(const struct session *session, struct session_task *task)
{
	struct image_dirty_log_header header = { 0 };
	struct image_error error;
	int ret = image_dirty_log_read_header(session->parent, task->image_pid, &header, &error);

	if (ret == -ENOENT && !task->tracked.nr)
		explain_expected(task, "the process is new");
	else if (ret == -ENOENT)
		explain(task->full,
			"the parent directory has no lazy-wp-%u.img: it was made without tracking or without this process",
			task->image_pid);
	else if (ret)
		explain(task->full, "%s", error.text);
	else if (memcmp(header.session, session->iteration.session, sizeof(header.session)))
		explain(task->full, "the parent directory is of another session");
	else if (header.sequence != session->iteration.last_committed)
		explain(task->full, "the parent directory is iteration %llu, the last one was %llu",
			(unsigned long long)header.sequence,
			(unsigned long long)session->iteration.last_committed);
	else if (task->executed)
		explain(task->full, "the process has executed another program since");
	else if (header.start_time != task->start_time)
		explain(task->full, "pid %u was another process then", task->image_pid);
	else if (header.remote != session->remote)
		explain(task->full, "the pages of the parent directory are %s",
			header.remote ? "at a page server" : "not at the page server");
	else if (!strcmp(header.tracker, track_kind_name(TRACK_KIND_NONE)))
		explain_expected(task, "it was not tracked then");
	else if (strcmp(header.tracker, track_kind_name(task->tracker)))
		explain(task->full, "it was tracked by %s then", header.tracker);
	else
		return true;
	return false;
}

void session_parent_cover(struct session *session, struct session_task *task)
{
	struct image_pagemap pagemap;
	struct image_error error;
	int ret;

	if (!session_continues(session, task) || !log_is_of_last_iteration(session, task))
		return;
	ret = (session->remote ? image_pagemap_load_remote : image_pagemap_load)(session->parent,
										 task->image_pid,
										 &pagemap, &error);
	if (ret) {
		explain(task->full, "the parent's %spagemap-%u.img is unusable: %s",
			session->remote ? "lazy-wp-" : "", task->image_pid,
			ret == -ENOENT ? "it is missing" : error.text);
		return;
	}
	task->cover = pagemap.cover;
	pagemap.cover = (struct range_set){ 0 };
	image_pagemap_free(&pagemap);
}
