// SPDX-License-Identifier: GPL-2.0-only
#include "image/dirty-log.h"

#include <stdlib.h>

#include "image/dirty-log-format.h"
#include "image/pagemap.h"

const char *dirty_log_mapping_fault(const struct image_dirty_log_mapping *mapping,
				    uint64_t previous_end)
{
	uint64_t page_size = image_page_size();

	if (mapping->start % page_size || mapping->end % page_size || mapping->pgoff % page_size)
		return "a mapping is not page-aligned";
	if (mapping->start >= mapping->end)
		return "a mapping ends before it begins";
	if (mapping->start < previous_end)
		return "mappings overlap or are not in order";
	if (mapping->tracking < IMAGE_TRACKED || mapping->tracking > IMAGE_UNTRACKED)
		return "a mapping is tracked in an unknown way";
	return NULL;
}

const char *dirty_log_taken_fault(const struct image_dirty_log_taken *taken)
{
	uint64_t page_size = image_page_size();

	if (taken->start % page_size)
		return "a taken range is not page-aligned";
	if (!taken->nr_pages)
		return "a taken range has no pages";
	if (taken->nr_pages > (UINT64_MAX - taken->start) / page_size)
		return "a taken range goes beyond the end of all addresses";
	if (taken->reason < IMAGE_TAKEN_WRITTEN || taken->reason > IMAGE_TAKEN_FULL)
		return "a range was taken for an unknown reason";
	return NULL;
}

const char *image_tracking_name(enum image_tracking tracking)
{
	switch (tracking) {
	case IMAGE_TRACKED:
		return "tracked";
	case IMAGE_FRESH:
		return "fresh";
	case IMAGE_UNTRACKED:
		return "untracked";
	}
	return "unknown";
}

const char *image_taken_reason_name(enum image_taken_reason reason)
{
	switch (reason) {
	case IMAGE_TAKEN_WRITTEN:
		return "written";
	case IMAGE_TAKEN_FRESH:
		return "fresh mapping";
	case IMAGE_TAKEN_UNTRACKED:
		return "untracked mapping";
	case IMAGE_TAKEN_PINNED:
		return "pinned";
	case IMAGE_TAKEN_MARKER:
		return "marker";
	case IMAGE_TAKEN_NOT_IN_PARENT:
		return "not in parent";
	case IMAGE_TAKEN_FULL:
		return "all memory taken";
	}
	return "unknown";
}

void image_dirty_log_free(struct image_dirty_log *log)
{
	free(log->mappings);
	free(log->taken);
	*log = (struct image_dirty_log){ 0 };
}
