// SPDX-License-Identifier: GPL-2.0-only
/* `criu-lazy-wp verify`: does a directory of images hold what a tree of processes has in memory? */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verify-stop.h"
#include "cli/verify.h"
#include "util/cleanup.h"

/* Different pages that are printed one by one; the rest is only counted. */
#define LINES_MAX 50

#define USAGE "verify -t PID -D DIR [--stopped] [--strict]"

struct options {
	pid_t root;
	const char *dir;
	bool stopped, strict;
};

struct totals {
	uint64_t tasks, lines;
	struct verify_counts counts;
};

static const struct option long_options[] = {
	{ "tree", required_argument, NULL, 't' },
	{ "images-dir", required_argument, NULL, 'D' },
	{ "stopped", no_argument, NULL, 's' },
	{ "strict", no_argument, NULL, 'S' },
	{ 0 },
};

static int parse_pid(const char *text, pid_t *ret_pid)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || *end || end == text || pid <= 0 || pid > INT_MAX) {
		fprintf(stderr, "Error: verify: '%s' is no process id: %s\n", text, USAGE);
		return -EINVAL;
	}
	*ret_pid = (pid_t)pid;
	return 0;
}

static int parse_options(int argc, char **argv, struct options *ret_options)
{
	struct options options = { 0 };
	int option;

	optind = 0; /* the program's own options may have been parsed with getopt before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "t:D:", long_options, NULL)) != -1) {
		if (option == 't' && parse_pid(optarg, &options.root))
			return -EINVAL;
		if (option == 'D')
			options.dir = optarg;
		options.stopped |= option == 's';
		options.strict |= option == 'S';
		if (option == '?') {
			fprintf(stderr, "Error: verify: '%s' is not understood: %s\n",
				argv[optind - 1], USAGE);
			return -EINVAL;
		}
	}
	if (!options.root || !options.dir || optind < argc) {
		fprintf(stderr, "Error: verify: needs -t and -D and nothing else: %s\n", USAGE);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

static void print_difference(const struct verify_difference *difference, void *arg)
{
	const struct track_vma *vma = difference->vma;
	struct totals *totals = arg;

	if (totals->lines++ >= LINES_MAX)
		return;
	printf("different: process %d page 0x%" PRIx64 " in %" PRIx64 "-%" PRIx64 " %s %" PRIx64
	       " %02x:%02x %" PRIu64 " ",
	       difference->task->pid, difference->address, vma->start, vma->end, vma->perms,
	       vma->pgoff, vma->dev_major, vma->dev_minor, vma->ino);
	cli_print_safely(vma->name[0] ? vma->name : "anonymous");
	printf(": %s; %s\n", difference->what, difference->tracking);
}

static void add_counts(struct verify_counts *total, const struct verify_counts *counts)
{
	total->equal += counts->equal;
	total->pending += counts->pending;
	total->left += counts->left;
	total->different += counts->different;
	total->shared_mappings += counts->shared_mappings;
}

/* A task without memory (zombie, kernel thread) or gone meanwhile has nothing to compare. */
static int verify_pid(const struct verify_request *request, pid_t pid, struct totals *totals,
		      struct image_error *error)
{
	struct verify_counts counts = { 0 };
	struct process_info task;
	int ret = process_read(pid, &task);

	if (ret)
		return image_fail(error, ret, "process %d: %s", pid, strerror(-ret));
	if (!task.has_memory)
		return 0;
	ret = verify_task(request, &task, &counts, error);
	if (ret)
		return ret;
	printf("process %d (images %u, %s): %" PRIu64 " pages equal, %" PRIu64 " pending, %" PRIu64
	       " left to the final dump, %" PRIu64 " different; %" PRIu64
	       " shared mappings not compared\n",
	       pid, task.innermost_pid, task.name, counts.equal, counts.pending, counts.left,
	       counts.different, counts.shared_mappings);
	totals->tasks++;
	add_counts(&totals->counts, &counts);
	return 0;
}

/* core-PID.img of the root is what tells a dump from a pre-dump. */
static int is_final(int dir, pid_t root, bool *ret_final, struct image_error *error)
{
	struct process_info task;
	char name[32];
	int ret = process_read(root, &task);

	if (ret)
		return image_fail(error, ret, "process %d: %s", root,
				  ret == -ESRCH ? "there is none" : strerror(-ret));
	snprintf(name, sizeof(name), "core-%u.img", task.innermost_pid);
	*ret_final = !faccessat(dir, name, F_OK, 0);
	return 0;
}

static int verify_tree(const struct verify_request *request, pid_t root, struct totals *totals,
		       struct image_error *error)
{
	auto_process_list struct process_list tree = { 0 };
	int ret = process_tree(root, &tree);

	if (ret)
		return image_fail(error, ret, "process %d: %s", root, strerror(-ret));
	for (size_t i = 0; i < tree.nr && !ret; i++)
		ret = verify_pid(request, tree.v[i], totals, error);
	return ret;
}

static void print_total(const struct totals *totals)
{
	if (totals->lines > LINES_MAX)
		printf("different: and %" PRIu64 " more like these\n", totals->lines - LINES_MAX);
	printf("verify: %" PRIu64 " tasks, %" PRIu64 " pages compared equal, %" PRIu64
	       " pending, %" PRIu64 " left to the final dump, %" PRIu64 " different\n",
	       totals->tasks, totals->counts.equal, totals->counts.pending, totals->counts.left,
	       totals->counts.different);
}

static int verify(const struct options *options, int dir, struct totals *totals,
		  struct image_error *error)
{
	auto_verify_stopped struct verify_stopped stopped = { 0 };
	struct verify_request request = {
		.dir = dir,
		.strict = options->strict,
		.report = print_difference,
		.report_arg = totals,
	};
	int ret = is_final(dir, options->root, &request.final, error);

	if (!ret && !options->stopped)
		ret = verify_stop_tree(options->root, &stopped, error);
	return ret ? ret : verify_tree(&request, options->root, totals, error);
}

int cli_cmd_verify(int argc, char **argv)
{
	auto_close int dir = -1;
	struct totals totals = { 0 };
	struct image_error error;
	struct options options;

	if (parse_options(argc, argv, &options))
		return 1;
	dir = open(options.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		fprintf(stderr, "Error: verify: cannot open %s: %s\n", options.dir,
			strerror(errno));
		return 1;
	}
	if (verify(&options, dir, &totals, &error)) {
		fprintf(stderr, "Error: verify: process %d with %s: %s\n", options.root,
			options.dir, error.text);
		return 1;
	}
	print_total(&totals);
	/* Nothing compared proves nothing. */
	if (!totals.counts.equal && !totals.counts.different)
		fprintf(stderr,
			"Error: verify: no page was compared: is %s the directory of this tree?\n",
			options.dir);
	return totals.counts.different || !totals.counts.equal;
}
