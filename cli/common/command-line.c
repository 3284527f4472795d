// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/command-line.h"

#include <stdlib.h>
#include <string.h>

#include "cli/common/criu-options.h"

static const char **value_of(int option, struct cli_command_line *line)
{
	switch (option) {
	case 't':
		return &line->tree;
	case 'D':
		return &line->images;
	case 'W':
		return &line->work;
	case 'o':
		return &line->log_file;
	case CLI_OPTION_PREV_IMAGES:
		return &line->parent;
	case CLI_OPTION_PRE_DUMP_MODE:
		return &line->mode;
	case CLI_OPTION_TIMEOUT:
		return &line->timeout;
	case CLI_OPTION_REAL_CRIU:
		return &line->real_criu;
	case CLI_OPTION_LOG_LEVEL:
		return &line->log_level;
	case CLI_OPTION_IDLE_LIMIT:
		return &line->idle_limit;
	case CLI_OPTION_MAX_DOWNTIME:
		return &line->max_downtime;
	case CLI_OPTION_MAX_ROUNDS:
		return &line->max_rounds;
	case CLI_OPTION_ON_STALL:
		return &line->on_stall;
	case CLI_OPTION_JOBS:
		return &line->jobs;
	case CLI_OPTION_BANDWIDTH:
		return &line->bandwidth;
	}
	return NULL;
}

static void take_option(int option, struct cli_command_line *line)
{
	const char **value = value_of(option, line);

	if (value)
		*value = optarg;
	else if (option == CLI_OPTION_LAZY_WP && optarg)
		line->tracker = optarg;
	else if (option == CLI_OPTION_LAZY_WP)
		line->lazy = true;
	else if (option == CLI_OPTION_PAGE_SERVER)
		line->page_server = true;
	else if (option == CLI_OPTION_AUTO_DEDUP)
		line->auto_dedup = true;
	else if (option == CLI_OPTION_UNPRIVILEGED)
		line->unprivileged = true;
	else if (option == CLI_OPTION_NONE && !line->command)
		line->command = optarg;
}

void cli_read_command_line(int argc, char **argv, struct cli_command_line *ret_line)
{
	int option;

	*ret_line = (struct cli_command_line){ .images = "." };
	cli_rewind_options();
	while ((option = cli_next_option(argc, argv)) != -1)
		take_option(option, ret_line);
}

char **cli_criu_arguments(int argc, char **argv, const char *criu,
			  const struct cli_command_line *line, bool track, const char *parent)
{
	char **args = calloc((size_t)argc + 4, sizeof(*args));
	bool dump = line->command && !strcmp(line->command, "dump");
	int nr = 0, done = 1, option;

	if (!args)
		return NULL;
	args[nr++] = (char *)criu;
	cli_rewind_options();
	while ((option = cli_next_option(argc, argv)) != -1) {
		bool replaced = parent && option == CLI_OPTION_PREV_IMAGES;

		if (cli_is_own_option(option) || replaced)
			done = optind;
		while (done < optind)
			args[nr++] = argv[done++];
		if (option != CLI_OPTION_NONE || optarg != line->command || !dump)
			continue;
		if (track)
			args[nr++] = (char *)"--track-mem";
		if (parent) {
			args[nr++] = (char *)"--prev-images-dir";
			args[nr++] = (char *)parent;
		}
	}
	while (done < argc)
		args[nr++] = argv[done++];
	return args;
}
