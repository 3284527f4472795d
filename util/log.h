/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One log callback for the whole process. Libraries (util, arch, ptrace-inject, track, image,
 * keeper client) speak at debug level only; the layer that decides (session, plugin, cli,
 * keeper) logs once, with verb, object and reason. Without a callback, warnings and errors go
 * to stderr and the rest is dropped. Nothing of a task's memory is ever logged.
 */
#ifndef LAZY_WP_UTIL_LOG_H
#define LAZY_WP_UTIL_LOG_H

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Receives one formatted line without a trailing newline. */
typedef void log_callback(enum log_level level, const char *line);

/* What is less than level is dropped before it reaches the callback; at first nothing is. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Sets the callback; NULL brings the default back. */
void log_set_callback(log_callback *callback);

/* Formats one line (cut at 1023 bytes) and hands it to the callback; errno is kept. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
