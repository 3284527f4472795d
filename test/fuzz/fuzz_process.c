// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/stat, status and task/TID/children: the first byte says which, the rest is its text. */
#include <errno.h>
#include <string.h>

#include "test/fuzz/support.h"
#include "util/cleanup.h"
#include "util/process.h"

static void try_stat(FILE *text)
{
	uint64_t start_time = 0xa5a5;
	int ret = process_parse_stat(text, &start_time);

	MUST(!ret || ret == -ESRCH || ret == -EBADMSG);
	MUST(!ret || start_time == 0xa5a5);
}

static void try_status(FILE *text)
{
	struct process_info info = { .pid = -1 };
	int ret = process_parse_status(text, 7, &info);

	if (ret) {
		MUST((ret == -ESRCH || ret == -EBADMSG) && info.pid == -1);
		return;
	}
	MUST(info.pid == 7 && info.tgid > 0 && info.parent >= 0 && info.tracer >= 0);
	MUST(info.innermost_pid > 0 && info.innermost_pid <= INT32_MAX && info.state);
	MUST(memchr(info.name, 0, sizeof(info.name)) && !info.start_time);
}

static void try_children(FILE *text, size_t size)
{
	auto_process_list struct process_list list = { 0 };
	int ret = process_parse_children(text, &list);

	MUST(!ret || ret == -EBADMSG);
	MUST(list.nr <= (size + 1) / 2);
	for (size_t i = 0; i < list.nr; i++)
		MUST(list.v[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t which = fuzz_take_number(&data, &size, 1);
	auto_fclose FILE *text = fuzz_stream(data, size);

	if (which % 3 == 0)
		try_stat(text);
	else if (which % 3 == 1)
		try_status(text);
	else
		try_children(text, size);
	return 0;
}
