/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short-lived process that does the tracing (see inject.h: why). It shares our memory and
 * descriptor table, has all signals blocked, and the calling thread is suspended until it ends.
 */
#ifndef LAZY_WP_PTRACE_INJECT_HELPER_H
#define LAZY_WP_PTRACE_INJECT_HELPER_H

/*
 * Runs work(argument) in a helper and returns its result; died if the helper was killed before it
 * could return one. -ENOMEM, -EAGAIN: there is no helper.
 */
int inject_in_helper(int (*work)(void *argument), void *argument, int died);

#endif
