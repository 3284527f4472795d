// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify-log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/pagemap.h"
#include "track/scan.h"
#include "util/cleanup.h"

static bool has_logs(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned int pid;

	if (!entries)
		util_close_cleanup(&fd);
	while (entries && (entry = readdir(entries)))
		if (sscanf(entry->d_name, "lazy-wp-%u.img", &pid) == 1)
			return true;
	return false;
}

int verify_log_load(const struct image_chain *chain, const struct process_info *task,
		    struct verify_log *ret_log, struct image_error *error)
{
	struct verify_log log = { .chain = chain };
	int ret = image_dirty_log_read(image_chain_dir(chain, 0), task->innermost_pid, &log.log,
				       error);

	if (ret && ret != -ENOENT)
		return ret;
	/* After a restore the pid is the same and the task another: nothing tracks it. */
	log.there = !ret && log.log.header.start_time == task->start_time;
	log.of_another = !ret && !log.there;
	log.of_others = ret == -ENOENT && has_logs(image_chain_dir(chain, 0));
	log.soft_dirty = !strcmp(log.log.header.tracker, "soft-dirty");
	*ret_log = log;
	return 0;
}

/*
 * Pages that are the file's, or the zero page, are in no image whatever the tracker says: if the
 * image has other bytes, the next one has none.
 */
bool verify_log_calls_clean(const struct verify_log *log, enum image_page_state state,
			    uint64_t categories, bool in_file_mapping)
{
	if (state != IMAGE_PAGE_PRESENT ||
	    categories & (TRACK_PAGE_IS_FILE | TRACK_PAGE_IS_PFNZERO))
		return false;
	if (log->soft_dirty)
		return track_is_soft_clean(categories);
	return track_is_clean(categories, in_file_mapping);
}

static const struct image_dirty_log_taken *find_taken(const struct image_dirty_log *log,
						      uint64_t address)
{
	for (size_t i = 0; i < log->nr_taken; i++) {
		const struct image_dirty_log_taken *taken = &log->taken[i];

		if (address >= taken->start &&
		    (address - taken->start) / image_page_size() < taken->nr_pages)
			return taken;
	}
	return NULL;
}

static const struct image_dirty_log_mapping *find_mapping(const struct image_dirty_log *log,
							  uint64_t address)
{
	for (size_t i = 0; i < log->nr_mappings; i++)
		if (address >= log->mappings[i].start && address < log->mappings[i].end)
			return &log->mappings[i];
	return NULL;
}

static void describe_clean(const struct verify_log *log, uint64_t address, char *text, size_t size)
{
	struct image_chain_run run = image_chain_find(log->chain, address, 1);
	struct image_dirty_log_header header;

	if (run.state == IMAGE_PAGE_PRESENT && run.level < image_chain_nr_levels(log->chain) &&
	    !image_dirty_log_read_header(image_chain_dir(log->chain, run.level),
					 log->log.header.pid, &header, NULL))
		snprintf(text, size, "clean since seq %" PRIu64, header.sequence);
	else if (run.state == IMAGE_PAGE_PRESENT)
		snprintf(text, size, "clean since %zu directories before", run.level);
	else
		snprintf(text, size, "not taken");
}

void verify_log_describe(const struct verify_log *log, uint64_t address, char *text, size_t size)
{
	const struct image_dirty_log_mapping *mapping = find_mapping(&log->log, address);
	const struct image_dirty_log_taken *taken = find_taken(&log->log, address);

	if (!log->there)
		snprintf(text, size, "no dirty log of this task");
	else if (taken)
		snprintf(text, size, "taken seq %" PRIu64 " (%s)", log->log.header.sequence,
			 image_taken_reason_name(taken->reason));
	else if (!mapping)
		snprintf(text, size, "mapping unknown to seq %" PRIu64, log->log.header.sequence);
	else if (mapping->tracking == IMAGE_UNTRACKED)
		snprintf(text, size, "untracked (%s)", mapping->reason);
	else
		describe_clean(log, address, text, size);
}

void verify_log_free(struct verify_log *log)
{
	image_dirty_log_free(&log->log);
}
