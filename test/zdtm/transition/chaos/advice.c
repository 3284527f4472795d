// SPDX-License-Identifier: GPL-2.0-only
/* Operations by madvise. What the kernel refuses is emulated or makes no difference. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "chaos.h"

static void unlock(const struct range *range)
{
	munlock(range->slot->memory, slot_bytes(range->slot));
}

/* Nothing, a look, or a store: each leaves another state behind. */
static void follow(struct worker *worker, const struct range *range)
{
	switch (chaos_below(worker, 4)) {
	case 0:
		range_verify(worker, range);
		break;
	case 1:
		chaos_store(worker, range);
		break;
	}
}

static void advise_and_follow(struct worker *worker, int advice)
{
	struct range range = range_pick(worker);

	range_advise(&range, advice);
	follow(worker, &range);
}

static void drop(struct worker *worker, const struct range *range)
{
	unlock(range);
	if (range_advise(range, MADV_DONTNEED))
		chaos_complain(worker, "slot %u: MADV_DONTNEED: %s", range->slot->number,
			       strerror(errno));
	if (slot_is_private(range->slot))
		range_expect_fresh(worker, range);
}

static void dontneed(struct worker *worker)
{
	struct range range = range_pick(worker);

	drop(worker, &range);
	follow(worker, &range);
}

/*
 * Of a page that was swapped in and is shared with a parent or child, MADV_FREE by one of them also
 * loses the other's at its next way to swap (docs/tracking.md): a write makes it one's own.
 */
static void unshare(const struct worker *worker, const struct range *range)
{
	for (size_t page = 0; page < range->pages && (worker->depth || worker->child.pid); page++) {
		volatile uint8_t *byte = range_page(range, page);

		*byte = *byte;
	}
}

static void free_lazily(struct worker *worker)
{
	struct range range = range_pick(worker);
	struct slot *slot = range.slot;
	bool page_out = chaos_chance(worker, 40);
	uint64_t settle_seed = chaos_random(&worker->random);

	if (slot_is_anonymous(slot)) {
		slot_settle(worker, slot);
		range_verify(worker, &range);
		unlock(&range);
		unshare(worker, &range);
		range_advise(&range, MADV_FREE);
		memset(slot->states + range.first, PAGE_FREED, range.pages);
		slot->is_pending = true;
		slot->settle_seed = settle_seed;
		if (page_out) /* that is the end of what was freed */
			range_advise(&range, MADV_PAGEOUT);
	}
	follow(worker, &range);
}

/* Not in file mappings: over armed pages of one the call does not return (docs/tracking.md). */
static void guard(struct worker *worker)
{
	struct range range = range_pick(worker);
	struct slot *slot = range.slot;

	if (!slot_is_anonymous(slot))
		return;
	unlock(&range);
	if (range_advise(&range, MADV_GUARD_INSTALL)) {
		range_advise(&range, MADV_GUARD_REMOVE);
		drop(worker, &range);
	}
	range_expect_fresh(worker, &range);
	memset(slot->states + range.first, PAGE_GUARDED, range.pages);
	slot->is_pending = true;
}

static void collapse(struct worker *worker)
{
	advise_and_follow(worker, MADV_COLLAPSE);
}

static void page_out(struct worker *worker)
{
	advise_and_follow(worker, MADV_PAGEOUT);
}

static void cold(struct worker *worker)
{
	advise_and_follow(worker, MADV_COLD);
}

static void populate(struct worker *worker)
{
	struct range range = range_pick(worker);

	if (!range.slot->is_pending)
		range_advise(&range, MADV_POPULATE_WRITE);
	follow(worker, &range);
}

static void huge(struct worker *worker)
{
	advise_and_follow(worker, MADV_HUGEPAGE);
}

static void no_huge(struct worker *worker)
{
	advise_and_follow(worker, MADV_NOHUGEPAGE);
}

static void mergeable(struct worker *worker)
{
	advise_and_follow(worker, chaos_chance(worker, 50) ? MADV_MERGEABLE : MADV_UNMERGEABLE);
}

/* Whole slots: children must know what they find. */
static void wipe_on_fork(struct worker *worker)
{
	struct slot *slot = range_pick(worker).slot;
	bool wipe = chaos_chance(worker, 50);

	if (!slot_is_anonymous(slot))
		return;
	if (madvise(slot->memory, slot_bytes(slot), wipe ? MADV_WIPEONFORK : MADV_KEEPONFORK))
		chaos_complain(worker, "slot %u: MADV_WIPEONFORK: %s", slot->number,
			       strerror(errno));
	slot->wiped_on_fork = wipe;
}

const struct operation chaos_advices[] = {
	{ "MADV_DONTNEED", dontneed, 120 },      { "MADV_FREE", free_lazily, 80 },
	{ "MADV_GUARD_INSTALL", guard, 30 },     { "MADV_COLLAPSE", collapse, 20 },
	{ "MADV_PAGEOUT", page_out, 40 },        { "MADV_COLD", cold, 30 },
	{ "MADV_POPULATE_WRITE", populate, 20 }, { "MADV_HUGEPAGE", huge, 20 },
	{ "MADV_NOHUGEPAGE", no_huge, 20 },      { "MADV_MERGEABLE", mergeable, 10 },
	{ "MADV_WIPEONFORK", wipe_on_fork, 10 }, { NULL, NULL, 0 },
};
