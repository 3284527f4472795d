// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/task/TID/status as the injection reads it. A filter that is overlooked may kill the
 * task for our system call, so a plain reading of the whole text must agree with the parser,
 * however long the lines before are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace-inject/task-status.h"
#include "test/fuzz/support.h"
#include "util/cleanup.h"

/* Longer lines are no line of the kernel's. */
#define LINE_MAX_EXPECTED 60

struct expected {
	char state;
	int tracer;
	bool seccomp, strange;
};

static const char *value_of(const char *line, const char *key)
{
	return strncmp(line, key, strlen(key)) ? NULL : line + strlen(key);
}

static void read_plainly(char *text, struct expected *expected)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		const char *state = value_of(line, "State:\t"), *tracer, *seccomp;

		tracer = value_of(line, "TracerPid:\t");
		seccomp = value_of(line, "Seccomp:\t");
		if (state)
			expected->state = *state;
		if (tracer)
			expected->tracer = atoi(tracer);
		if (seccomp && atoi(seccomp))
			expected->seccomp = true;
		if ((tracer || seccomp) && strlen(line) > LINE_MAX_EXPECTED)
			expected->strange = true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = strndup((const char *)data, size);
	struct inject_task_status status = { .state = '?', .tracer = -7 };
	struct expected expected = { 0 };
	int ret;

	MUST(text);
	/* The last line is often cut by the fuzzer, never by the kernel. */
	ret = inject_parse_task_status(fuzz_memory_file((const uint8_t *)text, strlen(text)),
				       &status);
	if (strrchr(text, '\n'))
		strrchr(text, '\n')[1] = '\0';
	else
		text[0] = '\0';
	read_plainly(text, &expected);
	if (ret) {
		MUST(ret == -ESRCH && status.state == '?' && status.tracer == -7 &&
		     !expected.state);
		return 0;
	}
	MUST(status.state && status.state == expected.state);
	if (!expected.strange)
		MUST(status.tracer == expected.tracer && status.seccomp == expected.seccomp);
	return 0;
}
