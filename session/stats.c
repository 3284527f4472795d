// SPDX-License-Identifier: GPL-2.0-only
/* lazy-wp-stats.json: what an iteration found and how long it took, for people and their tools. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "session/internal.h"
#include "track/kind.h"
#include "util/cleanup.h"
#include "util/json.h"
#include "util/log.h"

#define NAME      "lazy-wp-stats.json"
#define TEMPORARY ".lazy-wp-stats.json"

static uint64_t pages_of(const struct range_set *set)
{
	return range_set_bytes(set) / (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The pages that are in both; 0 also if there is no memory to find out. */
static uint64_t pages_in_both(const struct range_set *a, const struct range_set *b)
{
	auto_range_set struct range_set both = { 0 };

	return range_set_intersect(a, b, &both) ? 0 : pages_of(&both);
}

static void print_task(FILE *file, const struct session_task *task)
{
	uint64_t fresh = pages_in_both(&task->written, &task->fresh);
	uint64_t taken = pages_of(&task->written);

	fprintf(file,
		"  {\"pid\": %d, \"image_pid\": %u, \"tracker\": \"%s\", \"mappings\": %zu,\n",
		task->pid, task->image_pid, track_kind_name(task->tracker), task->vmas.nr);
	fprintf(file,
		"   \"pages\": {\"written\": %" PRIu64 ", \"new_mapping\": %" PRIu64
		", \"not_in_parent\": %" PRIu64 ", \"hidden\": %" PRIu64 "},\n",
		taken - fresh, fresh,
		pages_of(&task->quiet) - pages_in_both(&task->quiet, &task->clean),
		pages_of(&task->asked));
	fprintf(file, "   \"all_taken\": ");
	if (task->full[0] || task->untracked[0])
		json_print_string(file, task->untracked[0] ? task->untracked : task->full);
	else
		fprintf(file, "null");
	fprintf(file, "}");
}

static void print_stats(FILE *file, const struct session *session,
			const struct session_figures *figures)
{
	const struct session_times *times = &session->times;

	fprintf(file, "{\"version\": 1, \"command\": \"%s\", \"sequence\": %" PRIu64 ",\n",
		figures->command, session->iteration.sequence);
	fprintf(file,
		" \"times_us\": {\"adopt\": %" PRIu64 ", \"take\": %" PRIu64
		", \"settle\": %" PRIu64 ", \"copy\": %" PRIu64 ", \"smaps\": %" PRIu64 "},\n",
		times->adopt_us, times->take_us, times->settle_us, figures->copy_us,
		figures->smaps_us);
	fprintf(file,
		" \"pages_written\": %" PRIu64 ", \"pages_in_parent\": %" PRIu64
		", \"bytes_written\": %" PRIu64 ", \"threads\": %u,\n \"tasks\": [\n",
		figures->pages_written, figures->pages_in_parent,
		figures->pages_written * (uint64_t)sysconf(_SC_PAGESIZE), figures->threads);
	for (size_t i = 0; i < session->nr_tasks; i++) {
		fprintf(file, "%s", i ? ",\n" : "");
		print_task(file, &session->tasks[i]);
	}
	fprintf(file, "\n ]}\n");
}

static int write_stats(const struct session *session, const struct session_figures *figures)
{
	int fd = openat(session->images, TEMPORARY,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool failed;

	if (!file) {
		util_close_cleanup(&fd);
		return -errno;
	}
	print_stats(file, session, figures);
	failed = ferror(file);
	if (fclose(file) || failed || renameat(session->images, TEMPORARY, session->images, NAME)) {
		unlinkat(session->images, TEMPORARY, 0);
		return -(errno ? errno : EIO);
	}
	return 0;
}

void session_write_stats(const struct session *session, const struct session_figures *figures)
{
	int ret = session->taking ? write_stats(session, figures) : 0;

	if (ret)
		log_debug("no " NAME ": error %d", -ret);
}
