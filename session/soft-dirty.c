// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks where soft-dirty is the tracker. The kernel notes every write, in every mapping, from the
 * start of the process: there is nothing to make in the task. What the bit does not say is since
 * when: since the last time that it was reset, for which the session is there.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session/internal.h"
#include "track/scan.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/process.h"

/* Also true for what an exec has left of it: all of the new memory is soft-dirty. */
static bool is_known(const struct session *session, const struct session_task *task)
{
	const struct keeper_state *before = &session->before;

	for (size_t i = 0; i < before->nr_tasks; i++)
		if (before->tasks[i].pid == task->pid &&
		    before->tasks[i].start_time == task->start_time)
			return true;
	return false;
}

int session_track_soft_dirty(const struct session *session, struct session_task *task,
			     char text[SESSION_REASON_MAX])
{
	bool fresh = !is_known(session, task);
	int ret = 0;

	for (size_t i = 0; i < task->vmas.nr && !ret; i++)
		if (!track_vma_refusal(&task->vmas.v[i]))
			ret = session_add_mapping(task, &task->vmas.v[i], fresh);
	if (ret)
		snprintf(text, SESSION_REASON_MAX, "its mappings: %s", strerror(-ret));
	return ret;
}

static bool is_zero_or_unreadable(pid_t pid, uint64_t address)
{
	uint64_t words[512];
	auto_close int memory = process_open_memory(pid);

	if (memory < 0 || pread(memory, words, sizeof(words), (off_t)address) != sizeof(words))
		return true;
	return !words[0] && !memcmp(words, words + 1, sizeof(words) - sizeof(words[0]));
}

/*
 * Thrown away with MADV_DONTNEED and read again, a huge page is the huge zero page, present and not
 * soft-dirty: it looks like untouched old content (seen on Linux 6.1, where CRIU alone restores
 * that). Its number is not that of the small zero page, and no category tells it. But all of it is
 * zero, so one page that is not proves the others.
 */
bool session_has_own_memory(const struct session_task *task, uint64_t start, uint64_t end)
{
	uint64_t size = track_table_bytes(), next;

	for (; start < end; start = next) {
		next = (start / size + 1) * size;
		if (is_zero_or_unreadable(task->pid, start))
			return false;
	}
	return true;
}

/* Without the memory for it the log has a range less, nothing else. */
void session_note_dirty(struct session_task *task, uint64_t start, uint64_t end)
{
	if (range_set_add(&task->written, start, end))
		log_debug("process %d: a range is missing in its dirty log", task->pid);
}
