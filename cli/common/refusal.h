/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the launcher refuses itself has its reason in the log file, too: whoever ran CRIU looks
 * there, and CRIU has one whenever it was run.
 */
#ifndef LAZY_WP_CLI_COMMON_REFUSAL_H
#define LAZY_WP_CLI_COMMON_REFUSAL_H

#include <stdbool.h>

#include "cli/common/command-line.h"

/*
 * From here on errors and warnings go to stderr and to the log of this command line, if it names
 * one; CRIU begins it anew when it is run. The line must stay.
 */
void cli_refusals_to_log(const struct cli_command_line *line);

/*
 * Opens CRIU's log file to append to, relative to work, or to images if that is NULL; anew: emptied.
 * Errors of open(2).
 */
int cli_open_log(const char *work, const char *images, const char *name, bool anew);

#endif
