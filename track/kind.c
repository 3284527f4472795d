// SPDX-License-Identifier: GPL-2.0-only
#include "track/kind.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[TRACK_KIND_NONE] = "off",
	[TRACK_KIND_UFFD_WP] = "uffd-wp",
	[TRACK_KIND_SOFT_DIRTY] = "soft-dirty",
};

const char *track_kind_name(enum track_kind kind)
{
	return names[kind];
}

static const char *uffd_wp_refusal(const struct track_features *features)
{
	if (!features->uffd_wp_async)
		return "this kernel lacks asynchronous userfaultfd write-protect with PAGEMAP_SCAN "
		       "(Linux 6.7; arm64 6.10)";
	/* A mapping that the task moves over a tracked one just when we register would look clean. */
	if (features->moved_keeps_armed)
		return "this kernel's mremap keeps stale write-protection (CVE-2025-21696, mended in "
		       "Linux 6.12.11 and 6.13)";
	return NULL;
}

const char *track_kind_refusal(const struct track_features *features, enum track_kind kind)
{
	const char *uffd_wp = uffd_wp_refusal(features);

	if (kind == TRACK_KIND_UFFD_WP)
		return uffd_wp;
	if (features->soft_dirty)
		return NULL;
	if (kind == TRACK_KIND_SOFT_DIRTY)
		return "this kernel lacks soft-dirty (Linux 3.11 with CONFIG_MEM_SOFT_DIRTY; never on "
		       "arm64)";
	if (features->uffd_wp_async)
		return uffd_wp;
	return "this kernel lacks asynchronous userfaultfd write-protect (Linux 6.7; arm64 6.10) and "
	       "soft-dirty (CONFIG_MEM_SOFT_DIRTY on x86)";
}

enum track_kind track_kind_best(const struct track_features *features)
{
	if (!uffd_wp_refusal(features))
		return TRACK_KIND_UFFD_WP;
	return features->soft_dirty ? TRACK_KIND_SOFT_DIRTY : TRACK_KIND_NONE;
}

int track_kind_by_name(const struct track_features *features, const char *name,
		       enum track_kind *ret_kind)
{
	if (!strcmp(name, "auto")) {
		*ret_kind = track_kind_best(features);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i])) {
			*ret_kind = (enum track_kind)i;
			return 0;
		}
	return -EINVAL;
}
