// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/criu-version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

int cli_criu_version(const char *criu, struct cli_criu_version *ret_version)
{
	struct cli_criu_version version = { .line = "does not run" };
	auto_free char *command = NULL;
	FILE *output = NULL;
	int ret = -EIO;

	if (asprintf(&command, "'%s' --version 2>/dev/null", criu) >= 0)
		output = popen(command, "re");
	if (output && fgets(version.line, sizeof(version.line), output)) {
		version.line[strcspn(version.line, "\n")] = 0;
		ret = sscanf(version.line, "Version: %d.%d", &version.major, &version.minor) == 2 ?
			      0 :
			      -EPROTO;
	}
	if (output && pclose(output))
		ret = -EIO;
	*ret_version = version;
	return command ? ret : -ENOMEM;
}
