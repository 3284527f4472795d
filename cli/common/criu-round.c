// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/criu-round.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harvest/look.h"
#include "image/inventory.h"
#include "session/activation.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

/* The last of two equal options counts, so ours stand last. */
#define ADDED_ARGUMENTS 7

static char **arguments_of(const struct harvest_request *request, const char *path,
			   const struct criu_round *round)
{
	char **args = cli_criu_arguments(round->argc, round->argv, round->paths->criu, round->line,
					 false, NULL);
	char **more = NULL;
	size_t nr = 0;

	while (args && args[nr]) {
		if (args[nr] == round->line->command)
			args[nr] = (char *)"pre-dump";
		nr++;
	}
	if (args)
		more = reallocarray(args, nr + ADDED_ARGUMENTS, sizeof(*args));
	if (!more) {
		free(args);
		return NULL;
	}
	more[nr++] = (char *)"--images-dir";
	more[nr++] = (char *)path;
	if (round->line->work) { /* the dump's own: CRIU's stats would be there */
		more[nr++] = (char *)"--work-dir";
		more[nr++] = (char *)path;
	}
	if (request->parent) {
		more[nr++] = (char *)"--prev-images-dir";
		more[nr++] = (char *)request->parent;
	}
	more[nr] = NULL;
	return more;
}

static void __attribute__((noreturn))
execute(const struct harvest_request *request, char **args, const char *plugin)
{
	const struct session_activation activation = {
		.what = "pre-dump",
		.root = request->root,
		.tracker = TRACK_KIND_SOFT_DIRTY,
		.keeper = request->keeper,
	};

	if (session_activation_export(&activation, plugin))
		_exit(1);
	execv(args[0], args);
	log_error("cannot execute %s: %s", args[0], strerror(errno));
	_exit(1);
}

static volatile sig_atomic_t child, interrupted_by;

/* CRIU and we end of the same signal, CRIU first: then it is known what the round has left. */
static void pass_on(int signal)
{
	interrupted_by = signal;
	if (child > 0)
		kill(child, signal);
}

#define NR_SIGNALS 3

static const int signals[NR_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

static int wait_for_child(void)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status) && !interrupted_by)
		log_error("CRIU ended by signal %d", WTERMSIG(status));
	return status ? -ECANCELED : 0;
}

static int run_criu(const struct harvest_request *request, const char *path,
		    const struct criu_round *round)
{
	auto_free char **args = arguments_of(request, path, round);
	const struct sigaction action = { .sa_handler = pass_on };
	struct sigaction before[NR_SIGNALS];
	sigset_t held, mask;
	int ret;

	if (!args)
		return -ENOMEM;
	fflush(stdout);
	/* Until it is known which child they go to, and in that until CRIU takes them. */
	sigemptyset(&held);
	for (size_t i = 0; i < NR_SIGNALS; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &mask);
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN) /* as under nohup(1) */
			sigaction(signals[i], &action, NULL);
	}
	child = fork();
	ret = child < 0 ? -errno : 0;
	if (child > 0) {
		sigprocmask(SIG_SETMASK, &mask, NULL);
		ret = wait_for_child();
	}
	for (size_t i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (!child)
		execute(request, args, round->paths->plugin);
	child = 0;
	if (interrupted_by)
		raise(interrupted_by);
	return ret;
}

int criu_round_run(const struct harvest_request *request, const char *path,
		   const struct criu_round *round, struct harvest_result *ret_result)
{
	struct harvest_result result = { 0 };
	struct image_stats stats = { 0 };
	struct harvest_view view;
	struct image_error error;
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int ret = run_criu(request, path, round);

	if (!ret)
		ret = image_stats_load(request->images, &stats, &error);
	if (ret) {
		if (ret != -ECANCELED)
			log_error("round of %d into %s failed: %s", request->root, path,
				  strerror(-ret));
		return ret;
	}
	result.pages_written = stats.pages_written;
	result.pages_in_parent = stats.pages_skipped_parent;
	result.arm_us = stats.memdump_time_us;
	result.copy_us = (uint64_t)stats.memdump_time_us + stats.memwrite_time_us;
	if (!harvest_look(request->root, TRACK_KIND_SOFT_DIRTY, &view)) {
		result.pages_dirty = view.pages_dirty;
		result.smaps_us = view.smaps_us;
	}
	if (request->settled)
		request->settled(request->argument);
	result.total_us = clock_us(CLOCK_MONOTONIC) - start;
	/* The tree runs again before CRIU writes; how long before its end is not known better. */
	result.dirty_window_us = stats.memwrite_time_us;
	*ret_result = result;
	return 0;
}
