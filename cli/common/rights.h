/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CRIU needs of a caller that is not root, asked before anything is touched. A live pre-dump is
 * not CRIU's: it needs nothing but what ptrace(2) asks for, access to the tasks.
 */
#ifndef LAZY_WP_CLI_COMMON_RIGHTS_H
#define LAZY_WP_CLI_COMMON_RIGHTS_H

#include <stdbool.h>

/*
 * True if the plugin can be preloaded into the program. The loader ignores LD_PRELOAD where execve(2)
 * gives rights that the caller did not have: by set-user-id or by capabilities of the file, and
 * root is not exempted from the first.
 */
bool cli_can_preload(const char *criu);

/* True if CRIU, executed by this process, has what it asks for first: root or CAP_CHECKPOINT_RESTORE. */
bool cli_may_run_criu(void);

/*
 * Refuses, with one line that says what to do, a CRIU into which nothing can be preloaded, and for a
 * caller that is not root: what CRIU itself would refuse, later. what: "dump", for the text;
 * unprivileged: that option was given. -EPERM.
 */
int cli_check_rights(const char *what, const char *criu, bool unprivileged);

#endif
