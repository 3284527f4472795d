// SPDX-License-Identifier: GPL-2.0-only
/*
 * What could write memory of the tree unseen. A descriptor travels, and so do pins: a process can
 * put its memory into a ring that is another's and close its own descriptor, and then only the
 * other one shows descriptor and VmPin. So one such process makes the whole tree dirty. That
 * costs little: CRIU dumps no task with any of these open, it only pre-dumps it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "track/pins.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/process.h"

static void look_at(struct session *session, pid_t pid)
{
	struct track_pins pins = { 0 };
	int ret = track_pins_read(pid, &pins);

	if (ret == -ESRCH)
		return;
	if (ret)
		snprintf(session->writer, sizeof(session->writer),
			 "process %d: its descriptors could not be read: %s", pid, strerror(-ret));
	else if (pins.writer)
		snprintf(session->writer, sizeof(session->writer), "process %d: %s", pid,
			 pins.writer);
}

int session_processes(const struct session *session, struct process_list *ret_list)
{
	auto_process_list struct process_list list = { 0 };
	int ret = process_tree(session->tree.root, &list);

	for (size_t i = 0; i < session->nr_tasks && !ret; i++)
		if (!process_list_contains(&list, session->tasks[i].pid))
			ret = process_list_append(&list, session->tasks[i].pid);
	if (ret)
		return ret;
	*ret_list = list;
	list = (struct process_list){ 0 };
	return 0;
}

/* An AIO context of any process here (man 5 proc_sys_fs); true also if that cannot be read. */
static bool aio_is_used(void)
{
	auto_fclose FILE *file = fopen("/proc/sys/fs/aio-nr", "re");
	unsigned long nr;

	return !file || fscanf(file, "%lu", &nr) != 1 || nr;
}

void session_look_for_writers(struct session *session)
{
	auto_process_list struct process_list tree = { 0 };
	int ret = session_processes(session, &tree);

	session->aio = aio_is_used();
	if (ret)
		snprintf(session->writer, sizeof(session->writer),
			 "its processes are not known: %s", strerror(-ret));
	for (size_t i = 0; i < tree.nr && !session->writer[0]; i++)
		look_at(session, tree.v[i]);
	if (session->writer[0])
		log_warn("%s can write memory of the tree unseen, all of it counts as dirty",
			 session->writer);
}
