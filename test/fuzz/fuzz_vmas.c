// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/maps and smaps: ordered, aligned, terminated, and each mapping is found by its addresses. */
#include <errno.h>
#include <string.h>

#include "image/pagemap.h"
#include "test/fuzz/support.h"
#include "track/vma.h"
#include "util/cleanup.h"

/* "0-1 ---p 0 0:0 0\n" */
#define LINE_BYTES_MIN 17

static void check_vma(const struct track_vmas *vmas, size_t i)
{
	const struct track_vma *vma = &vmas->v[i];

	MUST(vma->start < vma->end && (!i || vma->start >= vmas->v[i - 1].end));
	MUST(vma->start % image_page_size() == 0 && vma->end % image_page_size() == 0);
	MUST(strnlen(vma->perms, sizeof(vma->perms)) == 4);
	MUST(memchr(vma->name, 0, sizeof(vma->name)) && !strchr(vma->name, '\n'));
	MUST(track_vmas_find(vmas, vma->start) == vma &&
	     track_vmas_find(vmas, vma->end - 1) == vma);
	if (!track_vma_refusal(vma))
		MUST(track_vma_is_private(vma) && !(vma->flags & TRACK_VMA_IO));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_fclose FILE *text = fuzz_stream(data, size);
	auto_track_vmas struct track_vmas vmas = { 0 };
	int ret = track_vmas_parse(text, &vmas);

	if (ret) {
		MUST(ret == -EBADMSG && !vmas.v);
		return 0;
	}
	MUST(vmas.nr <= (size + 1) / LINE_BYTES_MIN);
	for (size_t i = 0; i < vmas.nr; i++)
		check_vma(&vmas, i);
	return 0;
}
