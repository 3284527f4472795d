// SPDX-License-Identifier: GPL-2.0-only
/* `criu-lazy-wp status`: every tree that has a keeper. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "keeper/client/keeper-client.h"
#include "util/json.h"

struct printer {
	bool json, silent; /* silent: there is a keeper that does not answer */
	size_t trees;
};

static void print_json_or_null(const char *text)
{
	if (text[0])
		json_print_string(stdout, text);
	else
		printf("null");
}

static void print_session(const struct keeper_iteration *iteration)
{
	for (size_t i = 0; i < sizeof(iteration->session); i++)
		printf("%02x", iteration->session[i]);
}

static void print_json_tree(const struct keeper_state *state, bool first)
{
	printf("%s{\"root\":%d,\"keeper\":%d,\"session\":\"", first ? "" : ",", state->root,
	       state->keeper);
	print_session(&state->iteration);
	printf("\",\"sequence\":%" PRIu64 ",\"broken\":", state->iteration.last_committed);
	print_json_or_null(state->iteration.broken_reason);
	printf(",\"tasks\":[");
	for (size_t i = 0; i < state->nr_tasks; i++) {
		const struct keeper_task *task = &state->tasks[i];

		printf("%s{\"pid\":%d,\"tracker\":", i ? "," : "", task->pid);
		json_print_string(stdout, task->tracker);
		printf(",\"vmas\":%" PRIu64 ",\"warning\":", task->vmas);
		print_json_or_null(task->warning);
		printf("}");
	}
	printf("]}");
}

static void print_tree(const struct keeper_state *state)
{
	printf("tree %d: keeper %d, session ", state->root, state->keeper);
	print_session(&state->iteration);
	printf(", %" PRIu64 " iterations committed\n", state->iteration.last_committed);
	if (state->iteration.broken)
		printf("  broken: %s; the next iteration takes all memory\n",
		       state->iteration.broken_reason);
	if (state->iteration.owner_pid)
		printf("  running: %s by process %d\n", state->iteration.owner_what,
		       state->iteration.owner_pid);
	for (size_t i = 0; i < state->nr_tasks; i++) {
		const struct keeper_task *task = &state->tasks[i];

		printf("  process %d: %s, %" PRIu64 " mappings%s%s\n", task->pid, task->tracker,
		       task->vmas, task->warning[0] ? "; " : "", task->warning);
	}
}

static int visit(struct keeper_client *client, void *arg)
{
	struct printer *printer = arg;
	struct keeper_state state;
	int ret = keeper_get_state(client, &state);

	if (ret == -ETIMEDOUT) {
		fprintf(stderr, "Error: a keeper (lazy-wpd) does not answer: is it stopped?\n");
		printer->silent = true;
	}
	if (ret) /* else it ended while we asked */
		return 0;
	if (printer->json)
		print_json_tree(&state, !printer->trees);
	else
		print_tree(&state);
	printer->trees++;
	keeper_state_free(&state);
	return 0;
}

int cli_cmd_status(int argc, char **argv)
{
	struct printer printer = { .json = argc == 2 && !strcmp(argv[1], "--json") };
	int ret;

	if (argc > 1 && !printer.json) {
		fprintf(stderr, "Error: status takes --json, not '%s'\n", argv[1]);
		return 1;
	}
	if (printer.json)
		printf("{\"trees\":[");
	ret = keeper_list(visit, &printer);
	if (printer.json)
		printf("]}\n");
	else if (!ret && !printer.trees && !printer.silent)
		printf("no tracked trees\n");
	if (ret)
		fprintf(stderr, "Error: cannot read the keepers' directory: %s\n", strerror(-ret));
	return ret || printer.silent ? 1 : 0;
}
