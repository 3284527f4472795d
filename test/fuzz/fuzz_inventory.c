// SPDX-License-Identifier: GPL-2.0-only
/* inventory.img: on failure a reason and no output; what is absent reads as zero. */
#include <errno.h>
#include <string.h>

#include "image/inventory.h"
#include "test/fuzz/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_inventory inventory, untouched;
	struct image_error error = { "" };
	int ret, open_before;

	memset(&inventory, 0xa5, sizeof(inventory));
	untouched = inventory;
	fuzz_memory_file(data, size);
	fuzz_link_memory_file("inventory.img");
	open_before = fuzz_open_descriptors();
	ret = image_inventory_load(fuzz_directory(), &inventory, &error);
	MUST(open_before == fuzz_open_descriptors());
	if (ret) {
		MUST(ret == -EBADMSG && strstr(error.text, "inventory.img"));
		MUST(!memcmp(&inventory, &untouched, sizeof(inventory)));
		return 0;
	}
	MUST(size > 8);
	MUST(inventory.has_dump_uptime || !inventory.dump_uptime_us);
	MUST(inventory.has_pre_dump_mode || !inventory.pre_dump_mode);
	return 0;
}
