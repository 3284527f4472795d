// SPDX-License-Identifier: GPL-2.0-only
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ptrace-inject/inject.h"
#include "session/internal.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/process.h"

/* Looking again for processes forked meanwhile ends after so many times. */
#define SESSION_ADOPT_PASSES 4

/* A keeper whose tree has ended does not come up, nor answer: session_open() says so. */
static int start(struct session *session, const char *what, const char *daemon)
{
	int ret = keeper_start(&session->tree, daemon, &session->keeper);

	if (ret && !process_has_ended(session->tree.root))
		log_error("cannot %s %d: starting %s: %s", what, session->tree.root, daemon,
			  keeper_strerror(ret));
	return ret;
}

static int begin(struct session *session, const char *what)
{
	int ret = fault_error("begin-before") ?:
			  keeper_begin(session->keeper, what, &session->iteration);

	fault_point("begin-after");
	if (ret == -EBUSY)
		log_error(
			"cannot %s %d: a %s of this tree by process %d is running: wait for it or end it",
			what, session->tree.root, session->iteration.owner_what,
			session->iteration.owner_pid);
	else if (ret && !process_has_ended(session->tree.root))
		log_error("cannot %s %d: its keeper does not answer: %s", what, session->tree.root,
			  strerror(-ret));
	return ret;
}

int session_open(pid_t root, const char *what, const char *daemon, enum track_kind tracker,
		 struct session **ret_session)
{
	struct session *session = calloc(1, sizeof(*session));
	int ret;

	if (!session)
		return -ENOMEM;
	session->images = session->parent = -1;
	session->tracker = tracker;
	ret = keeper_tree_of(root, &session->tree);
	if (!ret)
		ret = start(session, what, daemon);
	if (!ret)
		ret = begin(session, what);
	if (ret) {
		if (process_has_ended(root))
			log_error("cannot %s %d: it has ended", what, root);
		session_close(session);
		return ret;
	}
	*ret_session = session;
	return 0;
}

struct session_task *session_find_task(struct session *session, pid_t pid)
{
	for (size_t i = 0; i < session->nr_tasks; i++)
		if (session->tasks[i].pid == pid)
			return &session->tasks[i];
	return NULL;
}

uint64_t session_smaps_us(const struct session *session)
{
	return session->times.smaps_us;
}

struct session_task *session_task_at(struct session *session, size_t index)
{
	return index < session->nr_tasks ? &session->tasks[index] : NULL;
}

void session_task_free(struct session_task *task)
{
	util_close_cleanup(&task->uffd);
	track_vmas_free(&task->vmas);
	range_set_free(&task->tracked);
	range_set_free(&task->fresh);
	range_set_free(&task->anonymous);
	range_set_free(&task->written);
	range_set_free(&task->clean);
	range_set_free(&task->cover);
	range_set_free(&task->quiet);
	range_set_free(&task->empty);
	range_set_free(&task->guards);
	range_set_free(&task->known);
	range_set_free(&task->dirty);
	range_set_free(&task->hidden);
	range_set_free(&task->asked);
}

/* A task that is gone, or has no memory, is left out: nothing of it will be asked for. */
static int adopt_pid(struct session *session, pid_t pid)
{
	struct session_task *task = &session->tasks[session->nr_tasks];
	struct process_info info;
	int ret = process_read(pid, &info);

	if (ret == -ESRCH || (!ret && !info.has_memory) || session_find_task(session, pid))
		return 0;
	if (ret)
		return ret;
	*task = (struct session_task){ .pid = pid,
				       .image_pid = info.innermost_pid,
				       .start_time = info.start_time,
				       .uffd = -1 };
	ret = session_adopt_task(session, task);
	if (ret)
		session_task_free(task);
	else
		session->nr_tasks++;
	return ret == -ESRCH ? 0 : ret;
}

/* A process that we have not seen yet may have been forked in the middle of an injection. */
static int close_inherited(struct session *session, pid_t pid)
{
	auto_free int *uffds = calloc(session->nr_tasks + 1, sizeof(*uffds));
	size_t nr = 0;
	int ret;

	if (!uffds)
		return -ENOMEM;
	for (size_t i = 0; i < session->nr_tasks; i++)
		if (session->tasks[i].uffd >= 0)
			uffds[nr++] = session->tasks[i].uffd;
	ret = session_close_inherited(pid, uffds, nr);
	if (ret > 0)
		log_debug("process %d: closed %d inherited userfaultfd", pid, ret);
	else if (ret < 0 && ret != -ESRCH)
		log_warn("process %d: looking for an inherited userfaultfd: %s", pid,
			 inject_strerror(ret));
	return 0;
}

/* Adopts the processes that are new since the last pass; returns how many there were. */
static int adopt_pass(struct session *session, bool first)
{
	auto_process_list struct process_list tree = { 0 };
	size_t before = session->nr_tasks;
	struct session_task *tasks;
	int ret = process_tree(session->tree.root, &tree);

	if (ret)
		return ret;
	tasks = reallocarray(session->tasks, before + tree.nr, sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	session->tasks = tasks;
	for (size_t i = 0; i < tree.nr && !ret; i++) {
		if (!first && !session_find_task(session, tree.v[i]))
			ret = close_inherited(session, tree.v[i]);
		if (!ret)
			ret = adopt_pid(session, tree.v[i]);
	}
	return ret ? ret : (int)(session->nr_tasks - before);
}

int session_adopt(struct session *session)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int ret = session->tracker == TRACK_KIND_SOFT_DIRTY ?
			  keeper_get_state(session->keeper, &session->before) :
			  0;

	if (!ret)
		ret = adopt_pass(session, true);
	/* A tree that forks faster than we look is not chased: late children are dirty, no more. */
	for (int pass = 1; pass < SESSION_ADOPT_PASSES && ret > 0; pass++)
		ret = adopt_pass(session, false);
	if (ret < 0)
		log_error("cannot look at the tasks of %d: %s", session->tree.root, strerror(-ret));
	session->times.adopt_us = clock_us(CLOCK_MONOTONIC) - start;
	return ret < 0 ? ret : 0;
}

int session_set_images(struct session *session, int images)
{
	session->images = fcntl(images, F_DUPFD_CLOEXEC, 0);
	if (session->images < 0)
		return -errno;
	session->parent = openat(session->images, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	/* Not committed: the keeper sees the connection close and knows what that means. */
	keeper_disconnect(session->keeper);
	for (size_t i = 0; i < session->nr_tasks; i++)
		session_task_free(&session->tasks[i]);
	free(session->tasks);
	keeper_state_free(&session->before);
	util_close_cleanup(&session->images);
	util_close_cleanup(&session->parent);
	free(session);
}
