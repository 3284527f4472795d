// SPDX-License-Identifier: GPL-2.0-only
#include "track/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "track/scan.h"
#include "track/uffd.h"
#include "util/cleanup.h"

#define PROBE_PAGES 4

struct probe {
	uint8_t *memory;
	size_t page_size, size;
	int pagemap, uffd;
};

static int add_categories(const struct track_page_region *region, void *arg)
{
	*(uint64_t *)arg |= region->categories;
	return 0;
}

/* All categories of the one page at addr; 0 on failure, which no page has once registered. */
static uint64_t page_categories(const struct probe *probe, const void *addr)
{
	static const struct track_scan_query query = {
		.return_mask = TRACK_PROOF_CATEGORIES,
	};
	uint64_t categories = 0, start = (uintptr_t)addr;

	if (track_scan(probe->pagemap, start, start + probe->page_size, &query, add_categories,
		       &categories))
		return 0;
	return categories;
}

static int register_and_take(const struct probe *probe, const void *addr, size_t size)
{
	auto_range_set struct range_set taken = { 0 };
	uint64_t start = (uintptr_t)addr;
	int ret = track_uffd_register(probe->uffd, start, start + size);

	return ret ? ret : track_take(probe->pagemap, start, start + size, &taken);
}

static void write_page(const struct probe *probe, size_t page)
{
	*(volatile uint8_t *)(probe->memory + page * probe->page_size) = 1;
}

/* Arms a written page and expects clean, writes it and expects written. */
static int probe_uffd(struct probe *probe)
{
	int ret;

	probe->uffd = syscall(SYS_userfaultfd, track_uffd_flags());
	if (probe->uffd < 0)
		return -errno;
	ret = track_uffd_init(probe->uffd);
	if (ret)
		return ret;
	for (size_t i = 0; i < PROBE_PAGES; i++)
		write_page(probe, i);
	ret = register_and_take(probe, probe->memory, probe->size);
	if (ret)
		return ret;
	if (!track_is_clean(page_categories(probe, probe->memory), false))
		return -EPROTO;
	write_page(probe, 0);
	return page_categories(probe, probe->memory) & TRACK_PAGE_IS_WRITTEN ? 0 : -EPROTO;
}

/* Page 1 is armed; once it is thrown away nothing of it may look clean. */
static bool probe_zapped(const struct probe *probe)
{
	const uint8_t *page = probe->memory + probe->page_size;
	uint64_t categories;

	if (madvise((void *)page, probe->page_size, MADV_DONTNEED))
		return true;
	categories = page_categories(probe, page);
	return !(categories & TRACK_PAGE_IS_WRITTEN);
}

/* Pages 2 and 3 are armed; moved and registered anew, they must not look clean. */
static bool probe_moved(const struct probe *probe)
{
	size_t size = 2 * probe->page_size;
	uint64_t categories, start;
	void *moved, *target = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (target == MAP_FAILED)
		return true;
	moved = mremap(probe->memory + size, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	if (moved == MAP_FAILED) {
		munmap(target, size);
		return true;
	}
	start = (uintptr_t)moved;
	categories = track_uffd_register(probe->uffd, start, start + size) ?
			     0 :
			     page_categories(probe, moved);
	munmap(moved, size);
	return !(categories & TRACK_PAGE_IS_WRITTEN);
}

static bool page_is_soft_dirty(const struct probe *probe)
{
	off_t at = (uintptr_t)probe->memory / probe->page_size * sizeof(uint64_t);
	uint64_t entry;

	return pread(probe->pagemap, &entry, sizeof(entry), at) == sizeof(entry) &&
	       (entry & TRACK_PME_SOFT_DIRTY);
}

/* "4" to clear_refs succeeds without soft-dirty, too: only the bit going off and on proves it. */
static bool probe_soft_dirty(const struct probe *probe)
{
	auto_close int clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (clear_refs < 0 || write(clear_refs, "4", 1) != 1 || page_is_soft_dirty(probe))
		return false;
	write_page(probe, 0);
	return page_is_soft_dirty(probe);
}

static void probe_all(struct probe *probe, struct track_features *features)
{
	static const struct track_scan_query present = { .return_mask = TRACK_PAGE_IS_PRESENT };
	uint64_t start = (uintptr_t)probe->memory, categories = 0;

	write_page(probe, 0);
	features->soft_dirty = probe_soft_dirty(probe);
	features->pagemap_scan = !track_scan(probe->pagemap, start, start + probe->page_size,
					     &present, add_categories, &categories);
	if (!features->pagemap_scan) {
		features->uffd_error = -ENOTTY;
		return;
	}
	features->uffd_error = probe_uffd(probe);
	features->uffd_wp_async = !features->uffd_error;
	if (features->uffd_wp_async) {
		features->zapped_is_clean = probe_zapped(probe);
		features->moved_keeps_armed = probe_moved(probe);
	}
}

int track_probe(struct track_features *ret_features)
{
	struct probe probe = { .page_size = sysconf(_SC_PAGESIZE), .pagemap = -1, .uffd = -1 };
	struct track_features features = { 0 };

	probe.pagemap = track_pagemap_open(getpid());
	if (probe.pagemap < 0)
		return probe.pagemap;
	probe.size = PROBE_PAGES * probe.page_size;
	probe.memory = mmap(NULL, probe.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (probe.memory == MAP_FAILED) {
		close(probe.pagemap);
		return -ENOMEM;
	}
	probe_all(&probe, &features);
	munmap(probe.memory, probe.size);
	if (probe.uffd >= 0)
		close(probe.uffd);
	close(probe.pagemap);
	*ret_features = features;
	return 0;
}
