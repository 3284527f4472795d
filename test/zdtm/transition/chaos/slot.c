// SPDX-License-Identifier: GPL-2.0-only
/* Slots: mappings with the hash of what each page must contain. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chaos.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)

size_t chaos_page_size(void)
{
	static size_t size;

	if (!size)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

/* Any address and length, from a part of a page to several. */
void chaos_fill(void *memory, uint64_t seed, size_t len_bytes)
{
	uint8_t *bytes = memory;

	for (size_t done = 0; done < len_bytes; done += sizeof(uint64_t)) {
		uint64_t word = chaos_random(&seed);
		size_t left = len_bytes - done;

		memcpy(bytes + done, &word, left < sizeof(word) ? left : sizeof(word));
	}
}

uint64_t chaos_hash(const void *page)
{
	const volatile uint64_t *words = page;
	uint64_t hash = 0x243f6a8885a308d3ULL;

	for (size_t word = 0; word < chaos_page_size() / sizeof(*words); word++) {
		hash = (hash ^ words[word]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

/* 0, or -1 with errno. */
int chaos_file_make(uint64_t seed)
{
	int fd = open(CHAOS_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	static uint8_t page[CHAOS_PAGE_BYTES_MAX];
	int ret = fd < 0 ? -1 : 0;

	for (size_t i = 0; !ret && i < CHAOS_FILE_PAGES; i++) {
		chaos_fill(page, chaos_mix(seed, i), chaos_page_size());
		if (write(fd, page, chaos_page_size()) != (ssize_t)chaos_page_size())
			ret = -1;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

uint8_t *slot_page(const struct slot *slot, size_t page)
{
	return slot->memory + page * slot->stride * chaos_page_size();
}

size_t slot_bytes(const struct slot *slot)
{
	return slot->pages * slot->stride * chaos_page_size();
}

bool slot_is_private(const struct slot *slot)
{
	return slot->kind != SLOT_SHARED && slot->kind != SLOT_MEMFD;
}

bool slot_is_anonymous(const struct slot *slot)
{
	return slot_is_private(slot) && slot->kind != SLOT_FILE;
}

/* Of a page that nobody has written yet. */
uint64_t slot_fresh_hash(const struct worker *worker, const struct slot *slot, size_t page)
{
	return slot->kind == SLOT_FILE ? worker->file_hashes[slot->file_page + page] :
					 worker->zero_hash;
}

static void *map_or_complain(struct worker *worker, void *at, size_t len_bytes, int flags, int fd,
			     size_t file_page)
{
	void *memory = mmap(at, len_bytes, READ_WRITE, flags | (at ? MAP_FIXED : 0), fd,
			    (off_t)(file_page * chaos_page_size()));

	if (memory == MAP_FAILED)
		chaos_complain(worker, "mmap of %zu bytes: %s", len_bytes, strerror(errno));
	return memory;
}

static uint8_t *map_huge(struct worker *worker, size_t len_bytes)
{
	uint8_t *memory = map_or_complain(worker, NULL, len_bytes + CHAOS_HUGE_BYTES,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before = -(uintptr_t)memory % CHAOS_HUGE_BYTES;

	if (before)
		munmap(memory, before);
	munmap(memory + before + len_bytes, CHAOS_HUGE_BYTES - before);
	madvise(memory + before, len_bytes, MADV_HUGEPAGE);
	return memory + before;
}

static uint8_t *map_memfd(struct worker *worker, struct slot *slot, uint8_t *at)
{
	slot->fd = memfd_create("chaos", MFD_CLOEXEC);
	if (slot->fd < 0 || ftruncate(slot->fd, (off_t)slot_bytes(slot)))
		chaos_complain(worker, "memfd: %s", strerror(errno));
	return map_or_complain(worker, at, slot_bytes(slot), MAP_SHARED, slot->fd, 0);
}

static uint8_t *map_brk(struct worker *worker, size_t len_bytes)
{
	uintptr_t end = (uintptr_t)sbrk(0);
	uint8_t *memory;

	if (end % chaos_page_size())
		sbrk((intptr_t)(chaos_page_size() - end % chaos_page_size()));
	memory = sbrk((intptr_t)len_bytes);
	if (memory == (void *)-1)
		chaos_complain(worker, "sbrk: %s", strerror(errno));
	return memory;
}

static uint8_t *map_kind(struct worker *worker, struct slot *slot, uint8_t *at)
{
	size_t len_bytes = slot_bytes(slot);

	switch (slot->kind) {
	case SLOT_FILE:
		return map_or_complain(worker, at, len_bytes, MAP_PRIVATE, worker->file_fd,
				       slot->file_page);
	case SLOT_SHARED:
		return map_or_complain(worker, at, len_bytes, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	case SLOT_MEMFD:
		return map_memfd(worker, slot, at);
	case SLOT_HUGE:
		return map_huge(worker, len_bytes);
	case SLOT_BRK:
		return map_brk(worker, len_bytes);
	case SLOT_SPARSE:
	case SLOT_ANON:
		break;
	}
	return map_or_complain(worker, at, len_bytes,
			       MAP_PRIVATE | MAP_ANONYMOUS |
				       (slot->kind == SLOT_SPARSE ? MAP_NORESERVE : 0),
			       -1, 0);
}

/* An ordinary kind: mostly of those that are tracked. */
enum slot_kind slot_kind_pick(struct worker *worker)
{
	static const enum slot_kind kinds[] = { SLOT_ANON, SLOT_ANON, SLOT_ANON,   SLOT_FILE,
						SLOT_FILE, SLOT_FILE, SLOT_SHARED, SLOT_MEMFD };

	return kinds[chaos_below(worker, sizeof(kinds) / sizeof(*kinds))];
}

/* Maps slot->pages pages, over whatever is at an address given, and expects them unwritten. */
void slot_map(struct worker *worker, struct slot *slot, enum slot_kind kind, uint8_t *at)
{
	struct range whole = range_whole(slot);

	slot->kind = kind;
	slot->stride = kind == SLOT_SPARSE ? CHAOS_STRIDE : 1;
	slot->file_page = chaos_below(worker, CHAOS_FILE_PAGES - CHAOS_PAGES + 1);
	slot->fd = -1;
	slot->wiped_on_fork = slot->is_protected = slot->is_pending = false;
	slot->memory = map_kind(worker, slot, at);
	range_expect_fresh(worker, &whole);
	memset(slot->states, PAGE_KNOWN, sizeof(slot->states));
}

/* The mapping is gone, or another slot's. */
void slot_forget(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
	slot->memory = NULL;
}

/* A new mapping of the same size elsewhere; ordinary slots change their kind. */
void slot_renew(struct worker *worker, struct slot *slot)
{
	enum slot_kind kind = slot_kind_pick(worker);

	slot_map(worker, slot, slot->kind <= SLOT_MEMFD ? kind : slot->kind, NULL);
}

void slot_unprotect(struct worker *worker, struct slot *slot)
{
	if (slot->is_protected && mprotect(slot->memory, slot_bytes(slot), READ_WRITE))
		chaos_complain(worker, "slot %u: mprotect: %s", slot->number, strerror(errno));
	slot->is_protected = false;
}

void slot_verify_page(struct worker *worker, const struct slot *slot, size_t page)
{
	uint64_t hash = chaos_hash(slot_page(slot, page));

	if (hash == slot->hashes[page] ||
	    (slot->states[page] == PAGE_FREED && hash == worker->zero_hash))
		return;
	chaos_complain(worker, "BAD slot %u kind %u page %zu at %p state %u%s", slot->number,
		       slot->kind, page, (void *)slot_page(slot, page), slot->states[page],
		       hash == worker->zero_hash ? " (is zero)" : "");
}

static void settle_page(struct worker *worker, struct slot *slot, size_t page)
{
	struct range one = { slot, page, 1 };

	if (slot->states[page] == PAGE_GUARDED)
		range_advise(&one, MADV_GUARD_REMOVE);
	slot_verify_page(worker, slot, page);
	if (slot->states[page] == PAGE_FREED) {
		chaos_fill(slot_page(slot, page), chaos_mix(slot->settle_seed, page),
			   chaos_page_size());
		range_rehash(&one);
	}
	slot->states[page] = PAGE_KNOWN;
}

/* Afterwards every page can be read and written and has its hash. */
void slot_settle(struct worker *worker, struct slot *slot)
{
	slot_unprotect(worker, slot);
	for (size_t page = 0; slot->is_pending && page < slot->pages; page++)
		if (slot->states[page] != PAGE_KNOWN)
			settle_page(worker, slot, page);
	slot->is_pending = false;
}

struct range range_whole(struct slot *slot)
{
	return (struct range){ slot, 0, slot->pages };
}

struct range range_pick_in(struct worker *worker, struct slot *slot)
{
	size_t most = slot->pages < 16 ? slot->pages : 16;
	/* One huge page is mostly used as a whole: else all would be split soon, and stay so. */
	bool whole = chaos_chance(worker, slot->number == CHAOS_SLOT_WHOLE ? 80 : 20);
	size_t pages = 1 + chaos_below(worker, most);
	size_t first = chaos_below(worker, slot->pages - pages + 1);

	return whole ? range_whole(slot) : (struct range){ slot, first, pages };
}

struct range range_pick(struct worker *worker)
{
	return range_pick_in(worker, &worker->slots[chaos_below(worker, worker->nr_slots)]);
}

uint8_t *range_page(const struct range *range, size_t page)
{
	return slot_page(range->slot, range->first + page);
}

/* 0, or -1 with errno where the kernel refused any of it. */
int range_advise(const struct range *range, int advice)
{
	size_t page_size = chaos_page_size();
	int ret = 0;

	if (range->slot->stride == 1)
		return madvise(range_page(range, 0), range->pages * page_size, advice);
	for (size_t page = 0; page < range->pages; page++)
		if (madvise(range_page(range, page), page_size, advice))
			ret = -1;
	return ret;
}

/* What was there has been thrown away; guards stay where they are. */
void range_expect_fresh(const struct worker *worker, const struct range *range)
{
	for (size_t page = range->first; page < range->first + range->pages; page++) {
		range->slot->hashes[page] = slot_fresh_hash(worker, range->slot, page);
		if (range->slot->states[page] == PAGE_FREED)
			range->slot->states[page] = PAGE_KNOWN;
	}
}

/* The pages that can be read. */
void range_verify(struct worker *worker, const struct range *range)
{
	slot_unprotect(worker, range->slot);
	for (size_t page = range->first; page < range->first + range->pages; page++)
		if (range->slot->states[page] != PAGE_GUARDED)
			slot_verify_page(worker, range->slot, page);
}

void range_rehash(const struct range *range)
{
	for (size_t page = 0; page < range->pages; page++)
		range->slot->hashes[range->first + page] = chaos_hash(range_page(range, page));
}

/* Before an operation that replaces content. */
void range_open(struct worker *worker, const struct range *range)
{
	slot_settle(worker, range->slot);
	range_verify(worker, range);
}
