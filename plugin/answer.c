// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRIU asks "which pages are present, and which of them are soft-dirty?". The kernel is asked the
 * same question with write-protect in the place of soft-dirty, and its regions are cut where the
 * proof of cleanness begins or ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plugin/plugin.h"
#include "track/scan.h"
#include "util/cleanup.h"
#include "util/fault.h"

struct output {
	struct track_page_region *v;
	size_t nr, cap;
	uint64_t return_mask; /* CRIU's */
};

/* False when the vector is full. */
static bool emit(struct output *output, uint64_t start, uint64_t end, uint64_t categories)
{
	struct track_page_region *last = output->nr ? &output->v[output->nr - 1] : NULL;

	categories &= output->return_mask;
	if (last && last->end == start && last->categories == categories) {
		last->end = end;
		return true;
	}
	if (output->nr == output->cap)
		return false;
	output->v[output->nr++] = (struct track_page_region){ start, end, categories };
	return true;
}

/*
 * The end of the longest piece of [start, end) that lies wholly inside or wholly outside of set.
 */
static uint64_t piece_end(const struct range_set *set, uint64_t start, uint64_t end)
{
	size_t i = range_set_find(set, start);
	uint64_t edge = end;

	if (i < set->nr)
		edge = set->v[i].start > start ? set->v[i].start : set->v[i].end;
	return edge < end ? edge : end;
}

/* Cuts one of the kernel's regions; returns where the output was full, or the region's end. */
static uint64_t answer_region(struct output *output, const struct track_page_region *region,
			      const struct session_task *task)
{
	uint64_t start = region->start, end;

	for (; start < region->end; start = end) {
		uint64_t categories = region->categories;

		end = region->end;
		if (task) {
			end = piece_end(&task->clean, start, end);
			end = piece_end(&task->anonymous, start, end);
		}
		if (!task || !session_is_clean(task, start, end, categories))
			categories |= TRACK_PAGE_IS_SOFT_DIRTY;
		if (!emit(output, start, end, categories))
			break;
	}
	return start;
}

static struct range vdso_of(const struct session_task *task)
{
	for (size_t i = 0; task && i < task->vmas.nr; i++)
		if (!strcmp(task->vmas.v[i].name, "[vdso]"))
			return (struct range){ task->vmas.v[i].start, task->vmas.v[i].end };
	return (struct range){ 0 };
}

/*
 * CRIU dumps the vDSO whole, but the kernel reports none of its pages, so CRIU would take them for
 * clean and fail where the parent has none at this address (after an exec). Always dirty, then.
 */
static int answer_vdso(struct output *output, struct track_pm_scan_arg *scan,
		       const struct range *vdso)
{
	scan->walk_end = scan->end < vdso->end ? scan->end : vdso->end;
	emit(output, scan->start, scan->walk_end, TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SOFT_DIRTY);
	return output->nr;
}

int plugin_answer_scan(int fd, struct track_pm_scan_arg *scan, const struct session_task *task)
{
	auto_free struct track_page_region *regions = calloc(scan->vec_len, sizeof(*regions));
	struct output output = {
		.v = (struct track_page_region *)(uintptr_t)scan->vec,
		.cap = scan->vec_len,
		.return_mask = scan->return_mask,
	};
	struct track_pm_scan_arg question = *scan;
	const struct range vdso = vdso_of(task);
	int nr;

	if (!regions) {
		errno = ENOMEM;
		return -1;
	}
	if (scan->start >= vdso.start && scan->start < vdso.end)
		return answer_vdso(&output, scan, &vdso);
	if (scan->start < vdso.start && scan->end > vdso.start)
		question.end = vdso.start; /* whoever asked goes on from walk_end */
	question.vec = (uintptr_t)regions;
	/* Linux 6.7 does not know the soft-dirty category and would refuse the question. */
	question.return_mask = (scan->return_mask & ~(uint64_t)TRACK_PAGE_IS_SOFT_DIRTY) |
			       TRACK_PROOF_CATEGORIES;
	nr = ioctl(fd, TRACK_PAGEMAP_SCAN, &question);
	if (nr < 0)
		return nr;
	scan->walk_end = question.walk_end;
	for (int i = 0; i < nr; i++) {
		uint64_t stopped = answer_region(&output, &regions[i], task);

		if (stopped < regions[i].end) {
			scan->walk_end = stopped;
			break;
		}
	}
	if (task)
		fault_point("copy");
	return output.nr;
}

static void clear_soft_dirty(uint64_t *entries, uint64_t base, uint64_t start, uint64_t end)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);

	for (uint64_t page = (start - base) / page_size; page < (end - base) / page_size; page++)
		entries[page] &= ~TRACK_PME_SOFT_DIRTY;
}

void plugin_answer_entries(int fd, uint64_t *entries, size_t nr, off_t offset,
			   const struct session_task *task)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);
	uint64_t base = offset / sizeof(*entries) * page_size, end = base + nr * page_size;
	struct track_page_region regions[256];
	struct track_pm_scan_arg scan = {
		.size = sizeof(scan),
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_anyof_mask = TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED,
		.return_mask = TRACK_PAGE_IS_SOFT_DIRTY | TRACK_PAGE_IS_PRESENT,
	};

	for (size_t i = 0; i < nr; i++)
		entries[i] |= TRACK_PME_SOFT_DIRTY;
	for (uint64_t start = base; task && start < end; start = scan.walk_end) {
		int found;

		scan.start = start;
		scan.end = end;
		scan.walk_end = start;
		found = plugin_answer_scan(fd, &scan, task);
		if (found < 0 || scan.walk_end <= start)
			return;
		for (int i = 0; i < found; i++)
			if (!(regions[i].categories & TRACK_PAGE_IS_SOFT_DIRTY))
				clear_soft_dirty(entries, base, regions[i].start, regions[i].end);
	}
}
