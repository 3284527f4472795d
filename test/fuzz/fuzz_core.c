// SPDX-License-Identifier: GPL-2.0-only
/* core-TID.img: on failure a reason and no output. */
#include <errno.h>
#include <string.h>

#include "image/core.h"
#include "test/fuzz/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_core core = { .rseq = UINT64_C(0xa5a5a5a5a5a5a5a5) };
	struct image_error error = { "" };
	int ret, open_before;

	fuzz_memory_file(data, size);
	fuzz_link_memory_file("core-1.img");
	open_before = fuzz_open_descriptors();
	ret = image_core_load(fuzz_directory(), 1, &core, &error);
	MUST(open_before == fuzz_open_descriptors());
	if (!ret) {
		MUST(size >= 12);
		return 0;
	}
	MUST(ret == -EBADMSG && strstr(error.text, "core-1.img"));
	MUST(core.rseq == UINT64_C(0xa5a5a5a5a5a5a5a5));
	return 0;
}
