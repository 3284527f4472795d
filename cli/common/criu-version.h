/* SPDX-License-Identifier: GPL-2.0-only */
/* What the real CRIU says of itself. */
#ifndef LAZY_WP_CLI_COMMON_CRIU_VERSION_H
#define LAZY_WP_CLI_COMMON_CRIU_VERSION_H

#include <stddef.h>

struct cli_criu_version {
	char line[64]; /* the first line of `criu --version`, or "does not run" */
	int major, minor;
};

/* Runs it. -EIO: it does not run; -EPROTO: it says no version; -ENOMEM. ret_version is always set. */
int cli_criu_version(const char *criu, struct cli_criu_version *ret_version);

#endif
