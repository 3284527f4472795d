// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/look.h"

#include <errno.h>
#include <stdio.h>

#include "track/scan.h"
#include "track/vma.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/process.h"

static uint64_t resident_pages(pid_t pid)
{
	unsigned long long size, resident;
	char path[64];
	auto_fclose FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	return file && fscanf(file, "%llu %llu", &size, &resident) == 2 ? resident : 0;
}

static int count_task(pid_t pid, enum track_kind tracker, struct harvest_view *view)
{
	int (*count)(int, uint64_t, uint64_t, uint64_t *) = tracker == TRACK_KIND_SOFT_DIRTY ?
								    track_count_soft_dirty :
								    track_count_written;
	auto_track_vmas struct track_vmas vmas = { 0 };
	auto_close int pagemap = track_pagemap_open(pid);
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int ret = pagemap < 0 ? pagemap : track_vmas_read(pid, true, &vmas);

	view->smaps_us += clock_us(CLOCK_MONOTONIC) - start;
	for (size_t i = 0; i < vmas.nr && !ret; i++) {
		uint64_t pages = 0;

		/* What cannot be looked at, as [vsyscall], is nothing that could be written. */
		if (track_vma_is_private(&vmas.v[i]) &&
		    !count(pagemap, vmas.v[i].start, vmas.v[i].end, &pages))
			view->pages_dirty += pages;
	}
	view->pages_resident += resident_pages(pid);
	return ret == -ESRCH ? 0 : ret;
}

int harvest_look(pid_t root, enum track_kind tracker, struct harvest_view *ret_view)
{
	auto_process_list struct process_list tree = { 0 };
	struct harvest_view view = { 0 };
	int ret = process_tree(root, &tree);

	for (size_t i = 0; i < tree.nr && !ret; i++)
		ret = count_task(tree.v[i], tracker, &view);
	if (!ret)
		*ret_view = view;
	return ret;
}
