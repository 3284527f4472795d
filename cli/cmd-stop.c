// SPDX-License-Identifier: GPL-2.0-only
/* `criu-lazy-wp stop`: ends tracking; returns when the kernel has dropped every registration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/common/target.h"
#include "keeper/client/keeper-client.h"

static int stop_tree(pid_t pid)
{
	struct keeper_iteration iteration;
	struct keeper_client *client;
	struct keeper_tree tree;
	int ret = keeper_tree_of(pid, &tree);

	if (!ret)
		ret = keeper_connect(&tree, &client);
	if (ret == -ENOENT || ret == -ESRCH) {
		fprintf(stderr, "Error: cannot stop %d: %s\n", pid,
			ret == -ESRCH ? "no such process" :
					"it is not tracked: see criu-lazy-wp status");
		return ret;
	}
	if (!ret) {
		ret = keeper_stop(client, &iteration);
		keeper_disconnect(client);
	}
	if (ret == -EBUSY)
		fprintf(stderr,
			"Error: cannot stop %d: a %s by process %d is running: wait for it or end it\n",
			pid, iteration.owner_what, iteration.owner_pid);
	else if (ret)
		fprintf(stderr, "Error: cannot stop %d: its keeper does not answer: %s\n", pid,
			strerror(-ret));
	return ret;
}

int cli_cmd_stop(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3 || (strcmp(argv[1], "-t") && strcmp(argv[1], "--tree"))) {
		fprintf(stderr, "Error: usage: criu-lazy-wp stop -t PID\n");
		return 1;
	}
	return cli_parse_pid(argv[2], &pid) || stop_tree(pid) ? 1 : 0;
}
