// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/common/criu-version.h"
#include "cli/common/live-options.h"
#include "cli/common/refusal.h"
#include "cli/common/target.h"
#include "harvest/harvest.h"
#include "image/pagemap.h"
#include "util/cleanup.h"
#include "util/log.h"

static struct {
	int fd, verbosity;
	struct timespec start;
} criu_log = { .fd = -1 };

/* As CRIU writes its log: seconds since the start, then the line. */
static void log_to_file(enum log_level level, const char *line)
{
	static const char *const prefixes[] = { "Error: ", "Warn: ", "", "" };
	struct timespec now;
	long us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (now.tv_sec - criu_log.start.tv_sec) * 1000000 +
	     (now.tv_nsec - criu_log.start.tv_nsec) / 1000;
	if ((int)level < criu_log.verbosity)
		dprintf(criu_log.fd, "(%02ld.%06ld) lazy-wp: %s%s\n", us / 1000000, us % 1000000,
			prefixes[level], line);
	if (level <= LOG_LEVEL_WARN && criu_log.fd != STDERR_FILENO)
		dprintf(STDERR_FILENO, "lazy-wp: %s%s\n", prefixes[level], line);
}

static int open_log(const struct live_options *options)
{
	clock_gettime(CLOCK_MONOTONIC, &criu_log.start);
	criu_log.verbosity = options->verbosity;
	criu_log.fd = STDERR_FILENO;
	if (options->log_file) {
		criu_log.fd = cli_open_log(options->work, options->images, options->log_file, true);
		if (criu_log.fd < 0) {
			log_error("cannot write the log %s in %s: %s", options->log_file,
				  options->work ? options->work : options->images,
				  strerror(-criu_log.fd));
			return criu_log.fd;
		}
	}
	log_set_callback(log_to_file);
	return 0;
}

static void report(const struct harvest_result *result)
{
	uint64_t bytes = result->pages_written * image_page_size();

	log_info("pre-dump: %" PRIu64 " tasks, %" PRIu64 " pages written, %" PRIu64
		 " in the parent, %.1f ms (%.1f ms to find them, %.0f MB/s)",
		 result->nr_tasks, result->pages_written, result->pages_in_parent,
		 (double)result->total_us / 1000, (double)result->arm_us / 1000,
		 result->copy_us ? (double)bytes / (double)result->copy_us : 0);
}

/* The protocol's commands have another length since CRIU 4.2, and the dump will be our CRIU's. */
static int connect_to_server(const struct live_options *options, const char *criu,
			     struct image_page_client *ret_server)
{
	struct cli_criu_version version;
	bool wide;
	int ret = cli_criu_version(criu, &version);

	if (ret) {
		log_error("--page-server speaks the language of the CRIU here, but %s %s", criu,
			  version.line);
		return ret;
	}
	wide = version.major > 4 || (version.major == 4 && version.minor >= 2);
	ret = image_page_client_connect(options->address, options->port,
					wide ? IMAGE_PAGE_COMMAND_WIDE : IMAGE_PAGE_COMMAND_OLD,
					ret_server);
	if (ret)
		log_error("cannot pre-dump %s to the page server %s port %u: %s", options->tree,
			  options->address, options->port, strerror(-ret));
	return ret;
}

static int run_remote(const struct live_options *options, const char *criu,
		      struct harvest_request *request, struct harvest_result *ret_result)
{
	struct image_page_client server;
	int ret = connect_to_server(options, criu, &server);

	if (ret)
		return ret;
	request->server = &server;
	ret = harvest_run(request, ret_result);
	image_page_client_close(&server);
	return ret;
}

int cli_live_pre_dump(int argc, char **argv, const struct cli_paths *paths)
{
	struct live_options options;
	struct harvest_request request = { .keeper = paths->keeper };
	struct harvest_result result;
	auto_close int images = -1;
	int ret;

	if (live_options_parse(argc, argv, &options) || cli_parse_pid(options.tree, &request.root))
		return 1;
	images = open(options.images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (images < 0) {
		log_error("cannot pre-dump %s into %s: %s", options.tree, options.images,
			  strerror(errno));
		return 1;
	}
	if (open_log(&options))
		return 1;
	request.images = images;
	request.parent = options.parent;
	request.jobs = options.jobs;
	request.bytes_a_second = options.bandwidth;
	request.auto_dedup = options.auto_dedup;
	if (options.page_server)
		ret = run_remote(&options, paths->criu, &request, &result);
	else
		ret = harvest_run(&request, &result);
	if (ret)
		return 1;
	report(&result);
	return 0;
}

int cli_rounds(const struct cli_command_line *line, pid_t root, const char *keeper,
	       const struct criu_round *criu_round, pid_t *ret_throttle)
{
	struct rounds_options options;
	int ret = live_options_for_rounds(line, &options);

	if (ret)
		return ret;
	options.root = root;
	options.keeper = keeper;
	options.criu_round = criu_round;
	return rounds_run(&options, ret_throttle);
}
