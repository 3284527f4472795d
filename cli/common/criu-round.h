/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A round of `criu dump --lazy-wp` where soft-dirty is the tracker: it can only be read and reset
 * while nothing runs, so CRIU's own pre-dump takes the place of the live one. CRIU runs as a child
 * with the options of the dump.
 */
#ifndef LAZY_WP_CLI_COMMON_CRIU_ROUND_H
#define LAZY_WP_CLI_COMMON_CRIU_ROUND_H

#include "cli/common/command-line.h"
#include "cli/common/paths.h"
#include "harvest/harvest.h"

struct criu_round {
	int argc;
	char **argv; /* of the dump */
	const struct cli_command_line *line;
	const struct cli_paths *paths;
};

/*
 * Runs one iteration into request->images, which is the directory path. Both may be relative.
 * -ECANCELED: CRIU failed, and has said why; -ENOMEM, errors of fork, -EBADMSG.
 */
int criu_round_run(const struct harvest_request *request, const char *path,
		   const struct criu_round *round, struct harvest_result *ret_result);

#endif
