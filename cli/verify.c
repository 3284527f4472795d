// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify-log.h"
#include "cli/verify-memory.h"
#include "cli/verify-pages.h"
#include "cli/verify-rseq.h"
#include "image/chain.h"
#include "image/inventory.h"
#include "image/pagemap.h"
#include "track/scan.h"
#include "util/cleanup.h"

#define CHUNK_PAGES 256

/* Pages that are compared at a time. */
struct chunk {
	uint64_t address, nr_pages;
	enum image_page_state states[CHUNK_PAGES];
	uint64_t categories[CHUNK_PAGES]; /* 0: the page does not exist */
	bool wanted[CHUNK_PAGES], readable[CHUNK_PAGES];
	uint8_t *image, *memory, *file_page;
};

struct comparison {
	const struct verify_request *request;
	const struct process_info *task;
	struct verify_counts *counts;
	struct image_error *error;
	struct image_chain *chain;
	struct verify_log log;
	struct verify_rseq rseq;
	bool read_mode; /* the pre-dump left out mappings that are not readable */
	int pagemap_fd, mem_fd;
	const struct track_vma *vma; /* being compared */
	int file_fd;                 /* of vma, -1: not opened */
	struct chunk chunk;
};

static uint8_t *page_of(uint8_t *bytes, uint64_t page)
{
	return bytes + page * image_page_size();
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

static bool is_shown_zero_page(uint64_t categories)
{
	return categories & TRACK_PAGE_IS_PFNZERO;
}

static bool is_page_of_file(const struct track_vma *vma, uint64_t categories)
{
	return track_vma_is_file(vma) && (categories & TRACK_PAGE_IS_FILE) &&
	       (categories & TRACK_PAGE_IS_PRESENT);
}

static bool is_guard(uint64_t categories)
{
	return categories & TRACK_PAGE_IS_GUARD;
}

/*
 * Which pages have to be read. A page that does not exist is zero in an anonymous mapping, and
 * reading it would make one; in a file mapping it shows the file.
 */
static bool must_read(const struct comparison *comparison, uint64_t page)
{
	const struct chunk *chunk = &comparison->chunk;
	uint64_t categories = chunk->categories[page];

	if (is_guard(categories))
		return false;
	if (chunk->states[page] == IMAGE_PAGE_PRESENT)
		return categories || track_vma_is_file(comparison->vma);
	if (track_vma_is_file(comparison->vma))
		return categories && !is_page_of_file(comparison->vma, categories);
	return categories && !is_shown_zero_page(categories);
}

static bool equals_file(struct comparison *comparison, uint64_t page)
{
	struct chunk *chunk = &comparison->chunk;
	uint64_t address = chunk->address + page * image_page_size();

	if (comparison->file_fd < 0)
		comparison->file_fd = verify_file_open(comparison->task->pid, comparison->vma);
	return comparison->file_fd >= 0 &&
	       !verify_file_read(comparison->file_fd, comparison->vma, address, chunk->file_page) &&
	       !memcmp(chunk->file_page, page_of(chunk->memory, page), image_page_size());
}

/* NULL if the page, which the image does not have, is what a new mapping shows; else what it is. */
static const char *fault_of_absent(struct comparison *comparison, uint64_t page)
{
	struct chunk *chunk = &comparison->chunk;

	if (!chunk->readable[page])
		return "it cannot be read, and the images do not have it";
	if (!track_vma_is_file(comparison->vma))
		return is_zero(page_of(chunk->memory, page), image_page_size()) ?
			       NULL :
			       "it is not zero, and the images do not have it";
	return equals_file(comparison, page) ?
		       NULL :
		       "it is not as in the file, and the images do not have it";
}

/* How two pages differ that are not equal. */
static void describe_difference(const uint8_t *memory, const uint8_t *image, char *text,
				size_t size)
{
	size_t nr = 0, first = 0;

	for (size_t i = image_page_size(); i-- > 0;) {
		if (memory[i] != image[i]) {
			first = i;
			nr++;
		}
	}
	snprintf(text, size, "%zu bytes differ, the first at offset %zu", nr, first);
}

static const char *fault_of_present(struct comparison *comparison, uint64_t page, char *text,
				    size_t size)
{
	struct chunk *chunk = &comparison->chunk;
	uint8_t *memory = page_of(chunk->memory, page), *image = page_of(chunk->image, page);

	if (!chunk->readable[page])
		return "it cannot be read";
	if (!memcmp(memory, image, image_page_size()))
		return NULL;
	verify_rseq_equalize(&comparison->rseq, chunk->address + page * image_page_size(), image,
			     memory);
	if (!memcmp(memory, image, image_page_size()))
		return NULL;
	describe_difference(memory, image, text, size);
	return text;
}

static const char *fault_of(struct comparison *comparison, uint64_t page, char *text, size_t size)
{
	switch (comparison->chunk.states[page]) {
	case IMAGE_PAGE_MISSING:
		return "the images say that a parent has it, which has not: restore fails";
	case IMAGE_PAGE_LAZY:
		return "the images leave it to a page server";
	case IMAGE_PAGE_PRESENT:
		return fault_of_present(comparison, page, text, size);
	default:
		return fault_of_absent(comparison, page);
	}
}

static bool is_pending(const struct comparison *comparison, uint64_t page)
{
	enum image_page_state state = comparison->chunk.states[page];

	if (comparison->request->strict || !comparison->log.there)
		return false;
	if (state == IMAGE_PAGE_MISSING || state == IMAGE_PAGE_LAZY)
		return false;
	return !verify_log_calls_clean(&comparison->log, state, comparison->chunk.categories[page],
				       track_vma_is_file(comparison->vma));
}

static void report(const struct comparison *comparison, uint64_t address, const char *what,
		   const char *tracking)
{
	const struct verify_difference difference = {
		.task = comparison->task,
		.vma = comparison->vma,
		.address = address,
		.what = what,
		.tracking = tracking,
	};

	comparison->request->report(&difference, comparison->request->report_arg);
}

static void judge_page(struct comparison *comparison, uint64_t page)
{
	struct chunk *chunk = &comparison->chunk;
	uint64_t address = chunk->address + page * image_page_size();
	char text[80], tracking[200];
	const char *fault;

	if (chunk->states[page] == IMAGE_PAGE_ABSENT && !chunk->wanted[page]) {
		/* Else not in memory either, or the file's own page, or a guard. */
		comparison->counts->equal += is_shown_zero_page(chunk->categories[page]) &&
					     !is_guard(chunk->categories[page]);
		return;
	}
	fault = fault_of(comparison, page, text, sizeof(text));
	if (!fault) {
		comparison->counts->equal++;
	} else if (is_pending(comparison, page)) {
		comparison->counts->pending++;
	} else {
		comparison->counts->different++;
		verify_log_describe(&comparison->log, address, tracking, sizeof(tracking));
		report(comparison, address, fault, tracking);
	}
}

static void fill_categories(struct chunk *chunk, const struct verify_pages *pages, size_t first)
{
	uint64_t page_size = image_page_size(), end = chunk->address + chunk->nr_pages * page_size;

	memset(chunk->categories, 0, sizeof(chunk->categories));
	for (size_t i = first; i < pages->nr && pages->v[i].start < end; i++) {
		const struct track_page_region *region = &pages->v[i];
		uint64_t from = region->start > chunk->address ? region->start : chunk->address;
		uint64_t to = region->end < end ? region->end : end;

		for (uint64_t at = from; at < to; at += page_size)
			chunk->categories[(at - chunk->address) / page_size] = region->categories;
	}
}

static int compare_chunk(struct comparison *comparison)
{
	struct chunk *chunk = &comparison->chunk;
	int ret = image_chain_read(comparison->chain, chunk->address, chunk->nr_pages, chunk->image,
				   chunk->states, comparison->error);

	if (ret)
		return ret;
	memset(chunk->memory, 0, chunk->nr_pages * image_page_size());
	for (uint64_t i = 0; i < chunk->nr_pages; i++) {
		chunk->wanted[i] = must_read(comparison, i);
		chunk->readable[i] = !chunk->wanted[i] && !is_guard(chunk->categories[i]);
	}
	verify_memory_read(comparison->mem_fd, chunk->address, chunk->nr_pages, chunk->wanted,
			   chunk->memory, chunk->readable);
	for (uint64_t i = 0; i < chunk->nr_pages; i++)
		judge_page(comparison, i);
	return 0;
}

/* The next address from at on that exists in memory or in the images; vma->end if there is none. */
static uint64_t next_address(const struct comparison *comparison, uint64_t at,
			     const struct verify_pages *pages, size_t region)
{
	const struct range_set *cover = image_chain_cover(comparison->chain);
	size_t range = range_set_find(cover, at);
	uint64_t next = comparison->vma->end;

	if (region < pages->nr && pages->v[region].start < next)
		next = pages->v[region].start;
	if (range < cover->nr && cover->v[range].start < next)
		next = cover->v[range].start;
	return next > at ? next : at;
}

static int compare_pages(struct comparison *comparison, const struct verify_pages *pages)
{
	uint64_t page_size = image_page_size(), at = comparison->vma->start;
	size_t region = 0;

	while (at < comparison->vma->end) {
		struct chunk *chunk = &comparison->chunk;
		int ret;

		while (region < pages->nr && pages->v[region].end <= at)
			region++;
		at = next_address(comparison, at, pages, region);
		chunk->address = at;
		chunk->nr_pages = (comparison->vma->end - at) / page_size;
		if (chunk->nr_pages > CHUNK_PAGES)
			chunk->nr_pages = CHUNK_PAGES;
		fill_categories(chunk, pages, region);
		ret = compare_chunk(comparison);
		if (ret)
			return ret;
		at += chunk->nr_pages * page_size;
	}
	return 0;
}

static uint64_t nr_own_pages(const struct track_vma *vma, const struct verify_pages *pages)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < pages->nr; i++) {
		uint64_t categories = pages->v[i].categories;

		if (!is_page_of_file(vma, categories) && !is_shown_zero_page(categories) &&
		    !is_guard(categories))
			bytes += pages->v[i].end - pages->v[i].start;
	}
	return bytes / image_page_size();
}

/* Mappings whose content is in no image: they are mapped anew, or may lose it at any time. */
static bool is_never_dumped(const struct track_vma *vma)
{
	return vma->flags & (TRACK_VMA_IO | TRACK_VMA_DROPPABLE) ||
	       !strncmp(vma->name, "[vvar", 5) || !strcmp(vma->name, "[vsyscall]") ||
	       !strcmp(vma->name, "[uprobes]");
}

static bool is_left_by_pre_dump(const struct comparison *comparison)
{
	const struct track_vma *vma = comparison->vma;

	if (comparison->request->final || comparison->request->strict)
		return false;
	return (vma->flags & TRACK_VMA_HUGETLB) || (comparison->read_mode && vma->perms[0] != 'r');
}

/* The images have nothing of this task, which a pre-dump may have been too early for. */
static void judge_unknown(struct comparison *comparison, const struct verify_pages *pages)
{
	const struct verify_request *request = comparison->request;
	uint64_t nr_pages = nr_own_pages(comparison->vma, pages);

	if (!request->final && !request->strict) {
		comparison->counts->left += nr_pages;
	} else if (nr_pages) {
		comparison->counts->different += nr_pages;
		report(comparison, pages->v[0].start, "the images have nothing of this task",
		       "no pagemap");
	}
}

/*
 * A pid that was given again since the pre-dump, or a task that only CRIU has seen: the next iteration
 * takes all of it. After a restore it is the task of the images.
 */
static bool is_taken_anew(const struct comparison *comparison)
{
	return (comparison->log.of_another || comparison->log.of_others) &&
	       !comparison->request->final && !comparison->request->strict;
}

static int compare_mapping(struct comparison *comparison)
{
	auto_verify_pages struct verify_pages pages = { 0 };
	const struct track_vma *vma = comparison->vma;
	int ret;

	if (!track_vma_is_private(vma)) {
		comparison->counts->shared_mappings++;
		return 0;
	}
	if (is_never_dumped(vma))
		return 0;
	ret = verify_pages_read(comparison->pagemap_fd, vma->start, vma->end, &pages);
	if (ret)
		return image_fail(comparison->error, ret,
				  "process %d: cannot read its page table at 0x%" PRIx64 ": %s",
				  comparison->task->pid, vma->start, strerror(-ret));
	if (!comparison->chain || is_taken_anew(comparison)) {
		judge_unknown(comparison, &pages);
		return 0;
	}
	if (is_left_by_pre_dump(comparison)) {
		comparison->counts->left += nr_own_pages(vma, &pages);
		return 0;
	}
	return compare_pages(comparison, &pages);
}

static int compare_mappings(struct comparison *comparison)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	int ret = track_vmas_read(comparison->task->pid, true, &vmas);

	if (ret)
		return image_fail(comparison->error, ret,
				  "process %d: cannot read its mappings: %s", comparison->task->pid,
				  strerror(-ret));
	for (size_t i = 0; i < vmas.nr && !ret; i++) {
		comparison->vma = &vmas.v[i];
		ret = compare_mapping(comparison);
		if (comparison->file_fd >= 0)
			close(comparison->file_fd);
		comparison->file_fd = -1;
	}
	return ret;
}

static int open_images(struct comparison *comparison)
{
	struct image_inventory inventory = { 0 };
	int ret = image_inventory_load(comparison->request->dir, &inventory, comparison->error);

	if (ret)
		return ret;
	comparison->read_mode = inventory.has_pre_dump_mode &&
				inventory.pre_dump_mode == IMAGE_PRE_DUMP_READ;
	ret = image_chain_open(comparison->request->dir, comparison->task->innermost_pid,
			       &comparison->chain, comparison->error);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = verify_rseq_load(comparison->request->dir, comparison->task->pid, &comparison->rseq,
			       comparison->error);
	if (ret)
		return ret;
	return verify_log_load(comparison->chain, comparison->task, &comparison->log,
			       comparison->error);
}

static int open_memory(struct comparison *comparison)
{
	struct chunk *chunk = &comparison->chunk;
	size_t page_size = image_page_size();
	int ret = 0;

	comparison->pagemap_fd = track_pagemap_open(comparison->task->pid);
	comparison->mem_fd = process_open_memory(comparison->task->pid);
	chunk->image = malloc(CHUNK_PAGES * page_size);
	chunk->memory = malloc(CHUNK_PAGES * page_size);
	chunk->file_page = malloc(page_size);
	if (comparison->pagemap_fd < 0)
		ret = comparison->pagemap_fd;
	else if (comparison->mem_fd < 0)
		ret = comparison->mem_fd;
	else if (!chunk->image || !chunk->memory || !chunk->file_page)
		ret = -ENOMEM;
	return ret ? image_fail(comparison->error, ret, "process %d: cannot look at its memory: %s",
				comparison->task->pid, strerror(-ret)) :
		     0;
}

static void end_comparison(struct comparison *comparison)
{
	util_close_cleanup(&comparison->pagemap_fd);
	util_close_cleanup(&comparison->mem_fd);
	free(comparison->chunk.image);
	free(comparison->chunk.memory);
	free(comparison->chunk.file_page);
	verify_log_free(&comparison->log);
	verify_rseq_free(&comparison->rseq);
	image_chain_close(comparison->chain);
}

int verify_task(const struct verify_request *request, const struct process_info *task,
		struct verify_counts *counts, struct image_error *error)
{
	struct comparison comparison = {
		.request = request,
		.task = task,
		.counts = counts,
		.error = error,
		.pagemap_fd = -1,
		.mem_fd = -1,
		.file_fd = -1,
	};
	int ret = open_images(&comparison);

	if (!ret)
		ret = open_memory(&comparison);
	if (!ret)
		ret = compare_mappings(&comparison);
	end_comparison(&comparison);
	return ret;
}
