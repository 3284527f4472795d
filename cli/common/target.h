/* SPDX-License-Identifier: GPL-2.0-only */
/* Can this be checkpointed, and there? Asked before anything is touched. */
#ifndef LAZY_WP_CLI_COMMON_TARGET_H
#define LAZY_WP_CLI_COMMON_TARGET_H

#include <sys/types.h>

/* Parses a pid given by a user. -EINVAL with one line printed if it is not a positive number. */
int cli_parse_pid(const char *text, pid_t *ret_pid);

/*
 * Refuses, with one line that says why and what to do: a pid that does not exist, a thread, a
 * kernel thread, a zombie, init, ourselves and our ancestors, a tree in which another tracer is
 * attached to any thread, and one with a process that ptrace(2) would not give us. -ESRCH, -EINVAL,
 * -EBUSY, -EACCES or -EPERM. what: "pre-dump", for the text.
 */
int cli_check_target(pid_t pid, const char *what);

/*
 * Refuses, with one line, an images directory that is missing or cannot be written to, and a
 * parent directory (NULL: none; relative to images, as CRIU takes it) that is missing. -errno.
 */
int cli_check_directories(const char *images, const char *parent, const char *what);

/*
 * Refuses, with one line, a chain of parent directories that CRIU could not follow in a restore:
 * see image_chain_check_parents(). To be asked of directories that are there.
 */
int cli_check_chain(const char *images, const char *parent, const char *what);

#endif
