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
	uint64_t return_mask;              /* CRIU's */
	bool guards_only;                  /* CRIU asks for nothing else */
	struct track_page_region *regions; /* room for cap of the kernel's */
	const struct range_set *hidden; /* what CRIU is not told of; NULL: it is told everything */
};

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

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

/* Where one huge page can look clean and the next be it, they must not share an answer. */
static uint64_t huge_page_end(uint64_t start, uint64_t end)
{
	uint64_t size = track_table_bytes(), edge = (start / size + 1) * size;

	return edge < end ? edge : end;
}

/* The end of the longest piece of [start, end) of which the session gives one answer. */
static uint64_t answer_end(const struct session_task *task, uint64_t start, uint64_t end)
{
	if (!task)
		return end;
	end = piece_end(&task->clean, start, end);
	end = piece_end(&task->anonymous, start, end);
	return task->tracker == TRACK_KIND_SOFT_DIRTY ? huge_page_end(start, end) : end;
}

/* For the log: what CRIU will take as written. With write-protection the take has noted it. */
static void note_dirty(struct session_task *task, uint64_t start, uint64_t end, uint64_t categories)
{
	if (task && plugin_uses_soft_dirty() &&
	    !(categories & (TRACK_PAGE_IS_FILE | TRACK_PAGE_IS_PFNZERO)) &&
	    (categories & (TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED)))
		session_note_dirty(task, start, end);
}

/* Cuts one of the kernel's regions; returns where the output was full, or the region's end. */
static uint64_t answer_region(struct output *output, const struct track_page_region *region,
			      struct session_task *task)
{
	uint64_t start = region->start, end;

	for (; start < region->end; start = end) {
		uint64_t categories = region->categories;

		end = answer_end(task, start, region->end);
		if (!task || !session_is_clean(task, start, end, categories)) {
			note_dirty(task, start, end, categories);
			categories |= TRACK_PAGE_IS_SOFT_DIRTY;
		}
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

/* Asks the kernel about [start, end) and answers; returns how far that came, or 0 with errno. */
static uint64_t ask(int fd, const struct track_pm_scan_arg *scan, uint64_t start, uint64_t end,
		    struct session_task *task, struct output *output)
{
	struct track_pm_scan_arg question = *scan;
	int nr;

	question.start = start;
	question.end = end;
	question.vec = (uintptr_t)output->regions;
	question.return_mask |= TRACK_PROOF_CATEGORIES;
	/* Linux 6.7 does not know the soft-dirty category and would refuse the question. */
	if (!plugin_uses_soft_dirty())
		question.return_mask &= ~(uint64_t)TRACK_PAGE_IS_SOFT_DIRTY;
	nr = ioctl(fd, TRACK_PAGEMAP_SCAN, &question);
	if (nr < 0)
		return 0;
	for (int i = 0; i < nr; i++) {
		uint64_t stopped = answer_region(output, &output->regions[i], task);

		if (stopped < output->regions[i].end)
			return stopped;
	}
	return question.walk_end;
}

static bool next_in(const struct range_set *set, uint64_t start, uint64_t end,
		    struct range *ret_range)
{
	size_t i = range_set_find(set, start);

	if (i == set->nr || set->v[i].start >= end)
		return false;
	ret_range->start = set->v[i].start > start ? set->v[i].start : start;
	ret_range->end = set->v[i].end < end ? set->v[i].end : end;
	return true;
}

/* [start, end) lies in what is known; returns how far that came. */
static uint64_t tell_known(const struct session_task *task, uint64_t start, uint64_t end,
			   struct output *output)
{
	while (start < end) {
		struct range dirty, guard;
		bool any_dirty = !output->guards_only && next_in(&task->dirty, start, end, &dirty);
		bool any_guard = next_in(&task->guards, start, end, &guard);

		if (!any_dirty && !any_guard)
			return end;
		if (any_dirty && (!any_guard || dirty.start < guard.start)) {
			if (!emit(output, dirty.start, dirty.end,
				  TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SOFT_DIRTY))
				return dirty.start;
			start = dirty.end;
		} else {
			if (!emit(output, guard.start, guard.end,
				  TRACK_PAGE_IS_SWAPPED | TRACK_PAGE_IS_GUARD |
					  TRACK_PAGE_IS_SOFT_DIRTY))
				return guard.start;
			start = guard.end;
		}
	}
	return end;
}

/* Answers [scan->start, end); fills walk_end. */
static int answer(int fd, struct track_pm_scan_arg *scan, uint64_t end, struct session_task *task,
		  bool tell, struct output *output)
{
	uint64_t at = scan->start, stop, came;

	for (; at < end; at = came) {
		bool known;

		stop = tell ? piece_end(&task->known, at, end) : end;
		known = tell && range_set_contains(&task->known, at, stop);
		came = known ? tell_known(task, at, stop, output) :
			       ask(fd, scan, at, stop, task, output);
		if (!came)
			return -1;
		if (came < stop) {
			at = came;
			break;
		}
	}
	scan->walk_end = at;
	return (int)output->nr;
}

/* CRIU's question for whatever has content, which can be answered from memory. */
static bool asks_for_content(const struct track_pm_scan_arg *scan)
{
	uint64_t none = TRACK_PAGE_IS_PFNZERO | TRACK_PAGE_IS_FILE;

	return scan->category_inverted == none && scan->category_mask == none && !scan->max_pages &&
	       scan->category_anyof_mask == (TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED);
}

/* CRIU 4.2 asks for guard regions before all else. */
static bool asks_for_guards(const struct track_pm_scan_arg *scan)
{
	return !scan->category_inverted && scan->category_mask == TRACK_PAGE_IS_GUARD &&
	       !scan->category_anyof_mask && scan->return_mask == TRACK_PAGE_IS_GUARD &&
	       !scan->flags && !scan->max_pages;
}

/* tell: what is known need not be asked for, and clean pages may be left out. */
static int answer_scan(int fd, struct track_pm_scan_arg *scan, struct session_task *task, bool tell)
{
	/* CRIU's room is for a region a page: not touched, that costs nothing. */
	auto_free struct track_page_region *regions = reallocarray(NULL, scan->vec_len,
								   sizeof(*regions));
	struct output output = {
		.v = (struct track_page_region *)(uintptr_t)scan->vec,
		.cap = scan->vec_len,
		.return_mask = scan->return_mask,
		.regions = regions,
		.guards_only = asks_for_guards(scan),
	};
	const struct range vdso = vdso_of(output.guards_only ? NULL : task);
	uint64_t end = scan->end;

	if (!regions) {
		errno = ENOMEM;
		return -1;
	}
	if (scan->start >= vdso.start && scan->start < vdso.end)
		return answer_vdso(&output, scan, &vdso);
	if (scan->start < vdso.start && scan->end > vdso.start)
		end = vdso.start; /* whoever asked goes on from walk_end */
	return answer(fd, scan, end, task, tell, &output);
}

bool plugin_answers_scan(const struct track_pm_scan_arg *scan)
{
	return scan->return_mask & TRACK_PAGE_IS_SOFT_DIRTY ||
	       (asks_for_guards(scan) && plugin_hides());
}

int plugin_answer_scan(int fd, struct track_pm_scan_arg *scan, struct session_task *task)
{
	bool pages = task && asks_for_content(scan);
	int nr;

	if (!task && asks_for_guards(scan))
		return ioctl(fd, TRACK_PAGEMAP_SCAN, scan);
	nr = answer_scan(fd, scan, task, pages || (task && asks_for_guards(scan)));

	if (nr >= 0 && pages && session_hide(task, scan->start, scan->walk_end)) {
		errno = ENOMEM;
		return -1;
	}
	if (task)
		fault_point("copy");
	return nr;
}

static void clear_soft_dirty(uint64_t *entries, uint64_t base, uint64_t start, uint64_t end)
{
	for (uint64_t page = (start - base) / page_size(); page < (end - base) / page_size();
	     page++)
		entries[page] &= ~TRACK_PME_SOFT_DIRTY;
}

/* The kernel hides page numbers (they are 0) from the unprivileged: then any page may be it. */
static bool may_be_zero_page(uint64_t entry)
{
	uint64_t number = entry & TRACK_PME_NUMBER;

	return (entry & TRACK_PME_PRESENT) && (!number || number == track_zero_page_number());
}

static uint64_t categories_of(uint64_t entry)
{
	return (may_be_zero_page(entry) ? TRACK_PAGE_IS_PFNZERO : 0) |
	       (entry & TRACK_PME_PRESENT ? TRACK_PAGE_IS_PRESENT : 0) |
	       (entry & TRACK_PME_SWAPPED ? TRACK_PAGE_IS_SWAPPED : 0) |
	       (entry & TRACK_PME_FILE ? TRACK_PAGE_IS_FILE : 0) |
	       (entry & TRACK_PME_SOFT_DIRTY ? TRACK_PAGE_IS_SOFT_DIRTY : 0);
}

/* As in answer_vdso(): a page that is not PRESENT has no soft-dirty bit for CRIU. */
static void show_vdso(uint64_t *entries, size_t nr, uint64_t start, const struct range *vdso)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < nr; i++, start += page_size)
		if (start >= vdso->start && start < vdso->end)
			entries[i] |= TRACK_PME_PRESENT | TRACK_PME_SOFT_DIRTY;
}

/* Here the entries themselves say it, also on a kernel that has no PAGEMAP_SCAN. */
static void answer_soft_dirty_entries(uint64_t *entries, size_t nr, uint64_t start,
				      struct session_task *task)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);
	const struct range vdso = vdso_of(task);

	show_vdso(entries, nr, start, &vdso);
	for (size_t i = 0, next; i < nr; i = next) {
		uint64_t from = start + i * page_size, to = from;
		uint64_t end = answer_end(task, from, start + nr * page_size);
		uint64_t categories = categories_of(entries[i]);

		for (next = i; to < end && categories_of(entries[next]) == categories; next++)
			to += page_size;
		if (task && session_is_clean(task, from, to, categories))
			continue;
		note_dirty(task, from, to, categories);
		for (size_t j = i; j < next; j++)
			entries[j] |= TRACK_PME_SOFT_DIRTY;
	}
}

void plugin_answer_entries(int fd, uint64_t *entries, size_t nr, off_t offset,
			   struct session_task *task)
{
	uint64_t base = offset / sizeof(*entries) * page_size(), end = base + nr * page_size();
	struct track_page_region regions[256];
	struct track_pm_scan_arg scan = {
		.size = sizeof(scan),
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_anyof_mask = TRACK_PAGE_IS_PRESENT | TRACK_PAGE_IS_SWAPPED,
		.return_mask = TRACK_PAGE_IS_SOFT_DIRTY | TRACK_PAGE_IS_PRESENT,
	};

	if (plugin_uses_soft_dirty()) {
		answer_soft_dirty_entries(entries, nr, base, task);
		return;
	}
	for (size_t i = 0; i < nr; i++)
		entries[i] |= TRACK_PME_SOFT_DIRTY;
	for (uint64_t start = base; task && start < end; start = scan.walk_end) {
		int found;

		scan.start = start;
		scan.end = end;
		scan.walk_end = start;
		found = answer_scan(fd, &scan, task, false);
		if (found < 0 || scan.walk_end <= start)
			return;
		for (int i = 0; i < found; i++)
			if (!(regions[i].categories & TRACK_PAGE_IS_SOFT_DIRTY))
				clear_soft_dirty(entries, base, regions[i].start, regions[i].end);
	}
}
