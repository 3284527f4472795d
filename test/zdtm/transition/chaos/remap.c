// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that change mappings. mremap refuses some ranges of several mappings, which is what
 * partial advice leaves: then pages are moved one by one, or copied.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chaos.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static struct slot *slot_pick(struct worker *worker)
{
	return &worker->slots[chaos_below(worker, worker->nr_slots)];
}

static bool can_move(const struct slot *slot)
{
	return slot->kind != SLOT_BRK;
}

/* One mapping again, as far as protection and locks go; or, at times, left as it is. */
static void make_movable(struct worker *worker, struct slot *slot)
{
	if (!chaos_chance(worker, 80))
		return;
	slot_unprotect(worker, slot);
	munlock(slot->memory, slot_bytes(slot));
}

/* A page that is not at its old place is at the new one already. */
static void move_by_pages(struct worker *worker, uint8_t *from, size_t len_bytes, uint8_t *to)
{
	size_t page_size = chaos_page_size();
	unsigned char present;

	for (size_t done = 0; done < len_bytes; done += page_size)
		if (!mincore(from + done, page_size, &present) &&
		    mremap(from + done, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to + done) == MAP_FAILED)
			chaos_complain(worker, "mremap of a page: %s", strerror(errno));
}

/*
 * Since Linux 6.17 several mappings move at once, but not those that have a userfaultfd: such a
 * one behind others fails with EFAULT when they have been moved.
 */
static void move_to(struct worker *worker, struct slot *slot, uint8_t *target)
{
	size_t len_bytes = slot_bytes(slot);

	if (mremap(slot->memory, len_bytes, len_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
	    MAP_FAILED)
		move_by_pages(worker, slot->memory, len_bytes, target);
	slot->memory = target;
}

static void move(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);
	void *target;

	make_movable(worker, slot);
	if (!can_move(slot))
		return;
	target = mmap(NULL, slot_bytes(slot), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (target == MAP_FAILED)
		chaos_complain(worker, "mmap: %s", strerror(errno));
	move_to(worker, slot, target);
}

/* The smaller one goes where the bigger one is, and that one becomes a new mapping elsewhere. */
static void move_over(struct worker *worker)
{
	struct slot *one = slot_pick(worker), *other = slot_pick(worker);
	struct slot *small = slot_bytes(one) <= slot_bytes(other) ? one : other;
	struct slot *big = small == one ? other : one;

	make_movable(worker, small);
	if (one == other || !can_move(one) || !can_move(other))
		return;
	move_to(worker, small, big->memory);
	munmap(big->memory + slot_bytes(small), slot_bytes(big) - slot_bytes(small));
	slot_forget(big);
	slot_renew(worker, big);
}

static void dontunmap(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);
	size_t len_bytes = slot_bytes(slot);
	struct range whole = range_whole(slot);
	bool stay = chaos_chance(worker, 50);
	struct slot moved = *slot;
	struct range all = { &moved, 0, slot->pages };

	if (!slot_is_anonymous(slot) || !can_move(slot))
		return;
	slot_settle(worker, slot);
	munlock(slot->memory, len_bytes);
	moved = *slot;
	moved.memory = mremap(slot->memory, len_bytes, len_bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
			      NULL);
	if (moved.memory == MAP_FAILED) {
		if (stay && madvise(slot->memory, len_bytes, MADV_DONTNEED))
			chaos_complain(worker, "slot %u: MADV_DONTNEED: %s", slot->number,
				       strerror(errno));
	} else if (stay) {
		range_verify(worker, &all);
		munmap(moved.memory, len_bytes);
	} else {
		munmap(slot->memory, len_bytes);
		slot->memory = moved.memory;
	}
	if (stay)
		range_expect_fresh(worker, &whole);
}

/* Where mremap cannot: a new mapping, into which what was written is copied. */
static uint8_t *grow_by_copy(struct worker *worker, struct slot *slot, size_t old_bytes)
{
	int flags = MAP_PRIVATE | (slot->kind == SLOT_FILE ? 0 : MAP_ANONYMOUS);
	uint8_t *memory =
		mmap(NULL, slot_bytes(slot), PROT_READ | PROT_WRITE, flags,
		     slot->kind == SLOT_FILE ? worker->file_fd : -1,
		     slot->kind == SLOT_FILE ? (off_t)(slot->file_page * chaos_page_size()) : 0);

	if (memory == MAP_FAILED)
		chaos_complain(worker, "mmap: %s", strerror(errno));
	for (size_t done = 0; done < old_bytes; done += chaos_page_size())
		if (memcmp(memory + done, slot->memory + done, chaos_page_size()))
			memcpy(memory + done, slot->memory + done, chaos_page_size());
	munmap(slot->memory, old_bytes);
	if (slot->wiped_on_fork)
		madvise(memory, slot_bytes(slot), MADV_WIPEONFORK);
	return memory;
}

static void grow_brk(struct worker *worker, struct slot *slot, size_t old_bytes)
{
	if (brk(slot->memory + slot_bytes(slot)))
		chaos_complain(worker, "brk: %s", strerror(errno));
	if (slot->wiped_on_fork &&
	    madvise(slot->memory + old_bytes, slot_bytes(slot) - old_bytes, MADV_WIPEONFORK))
		chaos_complain(worker, "brk: MADV_WIPEONFORK: %s", strerror(errno));
}

static void grow_mapping(struct worker *worker, struct slot *slot, size_t old_bytes)
{
	void *memory = mremap(slot->memory, old_bytes, slot_bytes(slot), 0);

	if (memory == MAP_FAILED)
		memory = mremap(slot->memory, old_bytes, slot_bytes(slot), MREMAP_MAYMOVE);
	if (memory == MAP_FAILED) {
		slot_unprotect(worker, slot);
		memory = grow_by_copy(worker, slot, old_bytes);
	}
	slot->memory = memory;
}

static void grow(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);
	size_t old_bytes = slot_bytes(slot), more = 1 + chaos_below(worker, 8);
	struct range added = { slot, slot->pages, more };

	if (slot->pages + more > CHAOS_PAGES ||
	    (slot->kind != SLOT_ANON && slot->kind != SLOT_FILE && slot->kind != SLOT_BRK))
		return;
	slot_settle(worker, slot);
	munlock(slot->memory, old_bytes);
	slot->pages += more;
	if (slot->kind == SLOT_BRK)
		grow_brk(worker, slot, old_bytes);
	else
		grow_mapping(worker, slot, old_bytes);
	range_expect_fresh(worker, &added);
	memset(slot->states + added.first, PAGE_KNOWN, more);
}

static void shrink(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);
	size_t fewer = 1 + chaos_below(worker, 8);
	size_t old_bytes = slot_bytes(slot);

	if (slot->pages <= fewer || slot->kind == SLOT_HUGE)
		return;
	slot->pages -= fewer;
	if (slot->kind != SLOT_BRK)
		munmap(slot->memory + slot_bytes(slot), old_bytes - slot_bytes(slot));
	else if (brk(slot->memory + slot_bytes(slot)))
		chaos_complain(worker, "brk: %s", strerror(errno));
}

/* Another kind of memory at the same address, with and without a moment of nothing there. */
static void change_kind(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);
	uint8_t *memory = slot->memory;
	enum slot_kind kind = slot_kind_pick(worker);
	bool unmap = chaos_chance(worker, 50);

	if (slot->kind > SLOT_MEMFD)
		return;
	if (unmap)
		munmap(memory, slot_bytes(slot));
	slot_forget(slot);
	slot_map(worker, slot, kind, memory);
}

static void protect(struct worker *worker)
{
	struct range range = range_pick(worker);
	int protection = chaos_chance(worker, 50) ? PROT_NONE : PROT_READ;

	if (range.slot->stride > 1)
		return;
	if (mprotect(range_page(&range, 0), range.pages * chaos_page_size(), protection))
		chaos_complain(worker, "slot %u: mprotect: %s", range.slot->number,
			       strerror(errno));
	range.slot->is_protected = true;
}

static void lock(struct worker *worker)
{
	struct range range = range_pick(worker);

	/* What fits into any limit, and what holds no guards, which would fail it halfway. */
	if (!range.slot->is_pending && range.slot->stride == 1 && range.pages <= 16)
		mlock(range_page(&range, 0), range.pages * chaos_page_size());
}

static void unlock(struct worker *worker)
{
	struct slot *slot = slot_pick(worker);

	munlock(slot->memory, slot_bytes(slot));
}

const struct operation chaos_remaps[] = {
	{ "mremap", move, 30 },
	{ "mremap over another", move_over, 20 },
	{ "MREMAP_DONTUNMAP", dontunmap, 20 },
	{ "grow", grow, 40 },
	{ "shrink", shrink, 40 },
	{ "change kind", change_kind, 30 },
	{ "mprotect", protect, 40 },
	{ "mlock", lock, 20 },
	{ "munlock", unlock, 20 },
	{ NULL, NULL, 0 },
};
