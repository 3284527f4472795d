/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRIU as a server of requests: `criu swrk FD`, which container engines and libcriu run, and `criu
 * service`. Who runs the first cannot say --lazy-wp, and may have closed the standard descriptors:
 * what has their numbers then is not ours, so nothing is printed, and errors go to syslog.
 */
#ifndef LAZY_WP_CLI_COMMON_RPC_H
#define LAZY_WP_CLI_COMMON_RPC_H

#include <stdbool.h>

/* True if CRIU takes its orders by RPC when run with this command (which may be NULL). */
bool cli_is_rpc(const char *command);

/* From here on log lines go to syslog. */
void cli_rpc_log_to_syslog(void);

/*
 * Puts /dev/null where a standard descriptor is missing, so that nothing that CRIU or we open
 * later gets its number. -errno.
 */
int cli_rpc_open_standard_descriptors(void);

#endif
