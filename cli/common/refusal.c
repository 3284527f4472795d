// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/refusal.h"

#include <fcntl.h>
#include <stdio.h>

#include "util/cleanup.h"
#include "util/log.h"

static const struct cli_command_line *refused;
static bool begun;

/* Without the directory there is no log, which the message is perhaps about. */
static int open_log(void)
{
	const char *directory = refused->work ? refused->work : refused->images;
	auto_close int work = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return openat(work, refused->log_file,
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (begun ? 0 : O_TRUNC), 0600);
}

static void log_to_both(enum log_level level, const char *text)
{
	const char *prefix = level == LOG_LEVEL_ERROR ? "Error: " : "Warn: ";
	auto_close int file = -1;

	if (level > LOG_LEVEL_WARN)
		return;
	fprintf(stderr, "%s%s\n", prefix, text);
	file = open_log();
	begun = file >= 0;
	if (begun)
		dprintf(file, "(00.000000) lazy-wp: %s%s\n", prefix, text);
}

void cli_refusals_to_log(const struct cli_command_line *line)
{
	refused = line;
	log_set_callback(line->log_file ? log_to_both : NULL);
}
