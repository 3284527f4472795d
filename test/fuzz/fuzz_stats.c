// SPDX-License-Identifier: GPL-2.0-only
/* stats-dump: on failure a reason and no output. */
#include <errno.h>
#include <string.h>

#include "image/inventory.h"
#include "test/fuzz/support.h"

/* Two magics, two lengths, a key of the message, and a key and a value of each of its seven fields. */
#define BYTES_MIN (8 + 4 + 1 + 1 + 14)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_stats stats, untouched;
	struct image_error error = { "" };
	int ret, open_before;

	memset(&stats, 0xa5, sizeof(stats));
	untouched = stats;
	fuzz_memory_file(data, size);
	fuzz_link_memory_file("stats-dump");
	open_before = fuzz_open_descriptors();
	ret = image_stats_load(fuzz_directory(), &stats, &error);
	MUST(open_before == fuzz_open_descriptors());
	if (!ret) {
		MUST(size >= BYTES_MIN);
		return 0;
	}
	MUST(ret == -EBADMSG && strstr(error.text, "stats-dump"));
	MUST(!memcmp(&stats, &untouched, sizeof(stats)));
	return 0;
}
