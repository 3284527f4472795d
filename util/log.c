// SPDX-License-Identifier: GPL-2.0-only
#include "util/log.h"

#include <errno.h>
#include <stdio.h>

static log_callback *current_callback;
static enum log_level current_level = LOG_LEVEL_DEBUG;

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

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_get_level(void)
{
	return current_level;
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[1024];
	va_list args;

	if (level > current_level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	(current_callback ? current_callback : log_to_stderr)(level, line);
	errno = saved;
}
