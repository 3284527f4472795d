// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "util/cleanup.h"
#include "util/log.h"

static const struct cli_command_line *refused;
static bool begun;

int cli_open_log(const char *work, const char *images, const char *name, bool anew)
{
	auto_close int dir = open(work ? work : images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (dir < 0 && name[0] != '/')
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (anew ? O_TRUNC : 0),
		    0600);
	return fd < 0 ? -errno : fd;
}

static void log_to_both(enum log_level level, const char *text)
{
	const char *prefix = level == LOG_LEVEL_ERROR ? "Error: " : "Warn: ";
	auto_close int file = -1;

	if (level > LOG_LEVEL_WARN)
		return;
	fprintf(stderr, "%s%s\n", prefix, text);
	/* Without the directory there is no log, which the message is perhaps about. */
	file = cli_open_log(refused->work, refused->images, refused->log_file, !begun);
	begun = file >= 0;
	if (begun)
		dprintf(file, "(00.000000) lazy-wp: %s%s\n", prefix, text);
}

void cli_refusals_to_log(const struct cli_command_line *line)
{
	refused = line;
	log_set_callback(line->log_file ? log_to_both : NULL);
}
