// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/live-options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harvest/pipe.h"
#include "util/log.h"

enum {
	OPTION_PREV_IMAGES = 256,
	OPTION_JOBS,
	OPTION_BANDWIDTH,
	OPTION_AUTO_DEDUP,
	OPTION_PAGE_SERVER,
	OPTION_ADDRESS,
	OPTION_PORT,
	OPTION_IGNORED, /* CRIU's pre-dump has no use for it either, or we do it anyway */
};

static const struct option long_options[] = {
	{ "tree", required_argument, NULL, 't' },
	{ "images-dir", required_argument, NULL, 'D' },
	{ "work-dir", required_argument, NULL, 'W' },
	{ "log-file", required_argument, NULL, 'o' },
	{ "verbosity", optional_argument, NULL, 'v' },
	{ "prev-images-dir", required_argument, NULL, OPTION_PREV_IMAGES },
	{ "jobs", required_argument, NULL, OPTION_JOBS },
	{ "bandwidth", required_argument, NULL, OPTION_BANDWIDTH },
	{ "real-criu", required_argument, NULL, OPTION_IGNORED }, /* the launcher has seen these */
	{ "log-level", required_argument, NULL, OPTION_IGNORED },
	{ "idle-limit", required_argument, NULL, OPTION_IGNORED },
	{ "auto-dedup", no_argument, NULL, OPTION_AUTO_DEDUP },
	{ "page-server", no_argument, NULL, OPTION_PAGE_SERVER },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "lazy-wp", optional_argument, NULL, OPTION_IGNORED },
	{ "track-mem", no_argument, NULL, OPTION_IGNORED },
	{ "shell-job", no_argument, NULL, OPTION_IGNORED },
	{ "leave-running", no_argument, NULL, OPTION_IGNORED },
	{ "no-default-config", no_argument, NULL, OPTION_IGNORED },
	{ "log-pid", no_argument, NULL, OPTION_IGNORED },
	{ "display-stats", no_argument, NULL, OPTION_IGNORED },
	{ "tcp-established", no_argument, NULL, OPTION_IGNORED },
	{ "ext-unix-sk", no_argument, NULL, OPTION_IGNORED },
	{ "file-locks", no_argument, NULL, OPTION_IGNORED },
	{ "link-remap", no_argument, NULL, OPTION_IGNORED },
	{ "evasive-devices", no_argument, NULL, OPTION_IGNORED },
	{ "force-irmap", no_argument, NULL, OPTION_IGNORED },
	{ "manage-cgroups", optional_argument, NULL, OPTION_IGNORED },
	{ "ghost-limit", required_argument, NULL, OPTION_IGNORED },
	{ "freeze-cgroup", required_argument, NULL, OPTION_IGNORED },
	{ "external", required_argument, NULL, OPTION_IGNORED },
	{ "root", required_argument, NULL, OPTION_IGNORED },
	{ "pidfile", required_argument, NULL, OPTION_IGNORED },
	{ "libdir", required_argument, NULL, OPTION_IGNORED },
	{ "ext-mount-map", required_argument, NULL, OPTION_IGNORED },
	{ "skip-mnt", required_argument, NULL, OPTION_IGNORED },
	{ "enable-fs", required_argument, NULL, OPTION_IGNORED },
	{ "enable-external-masters", no_argument, NULL, OPTION_IGNORED },
	{ "enable-external-sharing", no_argument, NULL, OPTION_IGNORED },
	{ "cgroup-root", required_argument, NULL, OPTION_IGNORED },
	{ "cgroup-props", required_argument, NULL, OPTION_IGNORED },
	{ "cgroup-props-file", required_argument, NULL, OPTION_IGNORED },
	{ "cgroup-dump-controller", required_argument, NULL, OPTION_IGNORED },
	{ "cgroup-yard", required_argument, NULL, OPTION_IGNORED },
	{ "network-lock", required_argument, NULL, OPTION_IGNORED },
	{ "tcp-close", no_argument, NULL, OPTION_IGNORED },
	{ "skip-in-flight", no_argument, NULL, OPTION_IGNORED },
	{ "irmap-scan-path", required_argument, NULL, OPTION_IGNORED },
	{ "ghost-fiemap", no_argument, NULL, OPTION_IGNORED },
	{ "no-ghost-fiemap", no_argument, NULL, OPTION_IGNORED },
	{ "timeout", required_argument, NULL, OPTION_IGNORED },
	{ "unprivileged", no_argument, NULL, OPTION_IGNORED }, /* the kernel decides */
	{ 0 },
};

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

static int parse_jobs(const char *text, unsigned int *ret_jobs)
{
	uint64_t number;

	if (parse_size(text, &number) || number > HARVEST_JOBS_MAX)
		return -EINVAL;
	*ret_jobs = (unsigned int)number;
	return 0;
}

static int bad_value(const char *option, const char *value, const char *wanted)
{
	log_error("--%s '%s': %s is wanted", option, value, wanted);
	return -EINVAL;
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

static int take_option(int option, struct live_options *options)
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
	case OPTION_PREV_IMAGES:
		options->parent = optarg;
		break;
	case OPTION_JOBS:
		if (parse_jobs(optarg, &options->jobs))
			return bad_value("jobs", optarg, "a number of threads up to 64");
		break;
	case OPTION_BANDWIDTH:
		if (parse_size(optarg, &options->bandwidth))
			return bad_value("bandwidth", optarg,
					 "bytes a second, perhaps with K, M or G,");
		break;
	case OPTION_AUTO_DEDUP:
		options->auto_dedup = true;
		break;
	case OPTION_PAGE_SERVER:
		options->page_server = true;
		break;
	case OPTION_ADDRESS:
		options->address = optarg;
		break;
	case OPTION_PORT:
		return parse_port(optarg, &options->port);
	case 'j':
	case 'L':
	case 'M':
	case 'R':
	case 'l':
	case 'r':
	case OPTION_IGNORED:
		break;
	default:
		return -EINVAL;
	}
	return 0;
}

int live_options_parse(int argc, char **argv, struct live_options *ret_options)
{
	struct live_options options = { .images = ".", .verbosity = 2, .jobs = default_jobs() };
	int option;

	optind = 0; /* anew: the launcher may have parsed before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "t:D:W:o:v::jL:M:Rlr:", long_options, NULL)) !=
	       -1) {
		int ret;

		if (option == '?') {
			log_error("pre-dump --lazy-wp does not take '%s' while the tasks run: with "
				  "--pre-dump-mode splice or read CRIU's own pre-dump does",
				  argv[optind - 1]);
			return -EINVAL;
		}
		ret = take_option(option, &options);
		if (ret)
			return ret;
	}
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
	if (line->jobs && parse_jobs(line->jobs, &options.jobs))
		return bad_value("jobs", line->jobs, "a number of threads up to 64");
	if (line->bandwidth && parse_size(line->bandwidth, &options.bandwidth))
		return bad_value("bandwidth", line->bandwidth,
				 "bytes a second, perhaps with K, M or G,");
	if (line->on_stall && parse_on_stall(line->on_stall, &options.on_stall))
		return bad_value("on-stall", line->on_stall, "dump, fail or throttle");
	*ret_options = options;
	return 0;
}
