// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/live-options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common/criu-options.h"
#include "harvest/pipe.h"
#include "util/log.h"

static unsigned int default_jobs(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus >= 4 ? (unsigned int)(cpus / 2) : 1;
}

/* A number with an optional K, M or G (1024s). -EINVAL. */
static int parse_size(const char *text, uint64_t *ret_size)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long number;
	const char *unit;
	int shift;

	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	shift = unit ? 10 * (int)(unit - units + 1) : 0;
	if (errno || end == text || text[0] == '-' || (*end && (!unit || end[1])) || !number ||
	    number > UINT64_MAX >> shift)
		return -EINVAL;
	*ret_size = number << shift;
	return 0;
}

static int bad_value(const char *option, const char *value, const char *wanted)
{
	log_error("--%s '%s': %s is wanted", option, value, wanted);
	return -EINVAL;
}

static int parse_jobs(const char *text, unsigned int *ret_jobs)
{
	uint64_t number;

	if (parse_size(text, &number) || number > HARVEST_JOBS_MAX)
		return bad_value("jobs", text, "a number of threads up to 64");
	*ret_jobs = (unsigned int)number;
	return 0;
}

static int parse_bandwidth(const char *text, uint64_t *ret_bandwidth)
{
	if (parse_size(text, ret_bandwidth))
		return bad_value("bandwidth", text, "bytes a second, perhaps with K, M or G,");
	return 0;
}

static int parse_number(const char *option, const char *text, unsigned int *ret_number)
{
	char *end;
	unsigned long number;

	if (!text)
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || number > INT_MAX)
		return bad_value(option, text, "a number");
	*ret_number = (unsigned int)number;
	return 0;
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned int number;

	if (parse_number("port", text, &number))
		return -EINVAL;
	if (!number || number > UINT16_MAX)
		return bad_value("port", text, "a number up to 65535");
	*ret_port = (uint16_t)number;
	return 0;
}

static int refuse(const char *argument)
{
	log_error("pre-dump --lazy-wp does not take '%s' while the tasks run: with --pre-dump-mode "
		  "splice or read CRIU's own pre-dump does",
		  argument);
	return -EINVAL;
}

/* argument: as it stands on the command line. */
static int take_option(int option, const char *argument, struct live_options *options)
{
	switch (option) {
	case 't':
		options->tree = optarg;
		break;
	case 'D':
		options->images = optarg;
		break;
	case 'W':
		options->work = optarg;
		break;
	case 'o':
		options->log_file = optarg;
		break;
	case 'v':
		options->verbosity = optarg ? (int)strspn(optarg, "v") + 1 : options->verbosity + 1;
		if (optarg && optarg[0] >= '0' && optarg[0] <= '9')
			options->verbosity = atoi(optarg);
		break;
	case CLI_OPTION_PREV_IMAGES:
		options->parent = optarg;
		break;
	case CLI_OPTION_JOBS:
		return parse_jobs(optarg, &options->jobs);
	case CLI_OPTION_BANDWIDTH:
		return parse_bandwidth(optarg, &options->bandwidth);
	case CLI_OPTION_AUTO_DEDUP:
		options->auto_dedup = true;
		break;
	case CLI_OPTION_PAGE_SERVER:
		options->page_server = true;
		break;
	case CLI_OPTION_ADDRESS:
		options->address = optarg;
		break;
	case CLI_OPTION_PORT:
		return parse_port(optarg, &options->port);
	case '?':
	case 'd':
	case 'h':
	case 'J':
	case 's':
	case 'S':
	case 'V':
	case CLI_OPTION_OTHER:
		return refuse(argument);
	default: /* the command, what changes nothing here, and what the launcher has seen */
		break;
	}
	return 0;
}

int live_options_parse(int argc, char **argv, struct live_options *ret_options)
{
	struct live_options options = { .images = ".", .verbosity = 2, .jobs = default_jobs() };
	const char *argument;
	int option, ret = 0;

	cli_rewind_options();
	do {
		argument = argv[optind ? optind : 1];
		option = cli_next_option(argc, argv);
		if (option != -1)
			ret = take_option(option, argument, &options);
	} while (option != -1 && !ret);
	if (ret)
		return ret;
	if (options.page_server && (!options.address || !options.port)) {
		log_error("pre-dump --page-server needs --address and --port");
		return -EINVAL;
	}
	if (options.page_server && options.auto_dedup) {
		log_error("pre-dump --page-server does not take --auto-dedup: the parents are the "
			  "page server's");
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

static int parse_on_stall(const char *text, enum rounds_on_stall *ret_on_stall)
{
	static const char *const names[] = {
		[ROUNDS_DUMP] = "dump",
		[ROUNDS_FAIL] = "fail",
		[ROUNDS_THROTTLE] = "throttle",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]))
			continue;
		*ret_on_stall = (enum rounds_on_stall)i;
		return 0;
	}
	return -EINVAL;
}

int live_options_for_rounds(const struct cli_command_line *line, struct rounds_options *ret_options)
{
	struct rounds_options options = {
		.images = line->images,
		.parent = line->parent,
		.max_downtime_ms = ROUNDS_DOWNTIME_MS,
		.max_rounds = ROUNDS_MAX,
		.jobs = default_jobs(),
		.auto_dedup = line->auto_dedup,
	};

	if (parse_number("max-downtime", line->max_downtime, &options.max_downtime_ms) ||
	    parse_number("max-rounds", line->max_rounds, &options.max_rounds) ||
	    parse_number("timeout", line->timeout, &options.timeout_s))
		return -EINVAL;
	if ((line->jobs && parse_jobs(line->jobs, &options.jobs)) ||
	    (line->bandwidth && parse_bandwidth(line->bandwidth, &options.bandwidth)))
		return -EINVAL;
	if (line->on_stall && parse_on_stall(line->on_stall, &options.on_stall))
		return bad_value("on-stall", line->on_stall, "dump, fail or throttle");
	*ret_options = options;
	return 0;
}
