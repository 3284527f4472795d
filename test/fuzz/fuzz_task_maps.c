// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/TID/maps as the injection reads it: each line that is in order is told as it is, however
 * long the names are.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace-inject/task-maps.h"
#include "test/fuzz/support.h"
#include "util/cleanup.h"

/* Parts of a line: start, end, "rwxp". */
static bool read_plainly(const char *line, struct inject_mapping *ret_mapping)
{
	size_t len = strlen(line);
	char permissions[5] = "";

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &ret_mapping->start, &ret_mapping->end,
		   permissions) != 3)
		return false;
	ret_mapping->executable = strlen(permissions) > 2 && permissions[2] == 'x';
	ret_mapping->vdso = !strchr(line, '/') && len >= 8 && !strcmp(line + len - 7, " [vdso]");
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = strndup((const char *)data, size);
	struct inject_maps_reader reader = { .fd = -1 };
	struct inject_mapping mapping, expected;
	char *rest = text, *line;

	MUST(text);
	reader.fd = fuzz_memory_file((const uint8_t *)text, strlen(text));
	while (inject_maps_next(&reader, &mapping)) {
		line = strsep(&rest, "\n");
		MUST(line && mapping.start < mapping.end);
		MUST(read_plainly(line, &expected));
		MUST(mapping.start == expected.start && mapping.end == expected.end);
		MUST(mapping.executable == expected.executable);
		if (strlen(line) < INJECT_MAPS_CHUNK_BYTES)
			MUST(mapping.vdso == expected.vdso);
	}
	return 0;
}
