// SPDX-License-Identifier: GPL-2.0-only
#include "util/log.h"

#include <errno.h>
#include <stdio.h>

static log_callback *current_callback;

static void log_to_stderr(enum log_level level, const char *line)
{
	static const char *const prefix[] = { "Error: ", "Warn: " };

	if (level <= LOG_LEVEL_WARN)
		fprintf(stderr, "%s%s\n", prefix[level], line);
}

void log_set_callback(log_callback *callback)
{
	current_callback = callback;
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	(current_callback ? current_callback : log_to_stderr)(level, line);
	errno = saved;
}
