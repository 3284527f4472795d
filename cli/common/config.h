/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an administrator sets for the whole machine, in /etc/criu-lazy-wp.conf ($LAZY_WP_CONFIG
 * names another file). Lines are "key = value"; what follows a # is a comment; a missing file is
 * an empty one. Each key is also an option of a command line, which wins:
 *   tracker     --lazy-wp=     auto, uffd-wp, soft-dirty or off
 *   real-criu   --real-criu    path of the CRIU to run; $LAZY_WP_CRIU wins over the file
 *   log-level   --log-level    error, warn, info or debug: the least that we write
 *   idle-limit  --idle-limit   seconds after which a keeper nobody asks anything ends; 0: never
 * A process reads its configuration once. Whoever serves requests has no other command line.
 */
#ifndef LAZY_WP_CLI_COMMON_CONFIG_H
#define LAZY_WP_CLI_COMMON_CONFIG_H

#include <limits.h>
#include <stdio.h>

#include "util/log.h"

struct cli_config {
	char tracker[16];
	char real_criu[PATH_MAX]; /* "": look for it */
	enum log_level log_level;
	unsigned int idle_limit_s;
};

/* The one of this process: the defaults, until cli_config_load(). */
const struct cli_config *cli_config(void);

/* Reads the file. -errno, after one line that names file, line number and what is wrong. */
int cli_config_load(void);

/* Sets one key, as from the file. -EINVAL, after one line that begins with where. */
int cli_config_set(const char *key, const char *value, const char *where);

/* The parser behind it: name is for messages. Keys before the wrong one are set. */
int cli_config_parse(FILE *file, const char *name);

#endif
