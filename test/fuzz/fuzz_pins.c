// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links of /proc/PID/fd, /proc/PID/status and /proc/PID/net/protocols: the first byte says which,
 * the rest is its text. A plain reading of the text must agree with the parser.
 */
#include <stdlib.h>
#include <string.h>

#include "test/fuzz/support.h"
#include "track/pins.h"
#include "util/cleanup.h"

static void try_link(const char *link)
{
	struct track_pins pins = { 0 };

	track_pins_parse_link(link, &pins);
	MUST(pins.userfaultfd == !strcmp(link, "anon_inode:[userfaultfd]"));
	if (!strncmp(link, "/dev/vfio/", 10) || !strcmp(link, "anon_inode:[io_uring]"))
		MUST(pins.writer);
	if (link[0] != '/' && strncmp(link, "anon_inode:[", 12))
		MUST(!pins.writer);
}

/* Longer lines are no line of the kernel's. */
#define LINE_MAX_EXPECTED 200

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

/* True if a line begins with key and its first or second number (skip) is above 0. */
static bool says_positive(const char *text, const char *key, int skip)
{
	for (const char *line = text; line; line = next_line(line)) {
		char value[LINE_MAX_EXPECTED], *rest;
		size_t len = strcspn(line, "\n");
		long number;

		if (strncmp(line, key, strlen(key)) || len >= sizeof(value))
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)(len - strlen(key)),
			 line + strlen(key));
		number = strtol(value, &rest, 10);
		if (skip)
			number = strtol(rest, NULL, 10);
		if (number > 0)
			return true;
	}
	return false;
}

static void try_status(const char *text, FILE *stream)
{
	struct track_pins pins = { 0 };

	track_pins_parse_status(stream, &pins);
	if (says_positive(text, "VmPin:", 0))
		MUST(pins.writer);
	MUST(!pins.userfaultfd);
	MUST(!pins.writer || strstr(text, "VmPin:"));
}

static void try_protocols(const char *text, FILE *stream)
{
	bool any = track_pins_parse_protocols(stream);

	MUST(!any || strstr(text, "XDP"));
	if (!strncmp(text, "XDP ", 4) && says_positive(text, "XDP ", 1) && !strchr(text, '\n'))
		MUST(any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t which = fuzz_take_number(&data, &size, 1);
	auto_free char *text = strndup((const char *)data, size);
	auto_fclose FILE *stream = NULL;

	MUST(text);
	stream = fuzz_stream((const uint8_t *)text, strlen(text));
	if (which % 3 == 0)
		try_link(text);
	else if (which % 3 == 1)
		try_status(text, stream);
	else
		try_protocols(text, stream);
	return 0;
}
