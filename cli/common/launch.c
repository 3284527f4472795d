// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/command-line.h"
#include "cli/common/config.h"
#include "cli/common/help.h"
#include "cli/common/live.h"
#include "cli/common/paths.h"
#include "cli/common/refusal.h"
#include "cli/common/rights.h"
#include "cli/common/rpc.h"
#include "cli/common/target.h"
#include "session/activation.h"
#include "track/kind.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/process.h"

/* -ENOTSUP: this kernel does not allow the tracker; -EINVAL: there is no such tracker. */
static int choose_tracker(const char *name, enum track_kind *ret_kind)
{
	struct track_features features;
	enum track_kind kind;
	const char *refusal;
	int ret;

	if (!strcmp(name, track_kind_name(TRACK_KIND_NONE))) {
		*ret_kind = TRACK_KIND_NONE;
		return 0;
	}
	ret = track_probe(&features);
	if (ret) {
		log_error("cannot probe this kernel's trackers: %s", strerror(-ret));
		return ret;
	}
	if (track_kind_by_name(&features, name, &kind)) {
		log_error("--lazy-wp=%s: no such tracker: auto, uffd-wp, soft-dirty or off", name);
		return -EINVAL;
	}
	refusal = track_kind_refusal(&features, kind);
	if (refusal) {
		log_error("--lazy-wp=%s: %s", name, refusal);
		return -ENOTSUP;
	}
	*ret_kind = kind;
	return 0;
}

static bool asks_for_rounds(const struct cli_command_line *line)
{
	return line->max_downtime || line->on_stall ||
	       (line->max_rounds && strcmp(line->max_rounds, "0"));
}

/* Who asks for rounds relies on them. */
static int check_rounds_options(const struct cli_command_line *line)
{
	if (!asks_for_rounds(line) || (!strcmp(line->command, "dump") && !line->page_server))
		return 0;
	log_error("--max-downtime, --max-rounds and --on-stall are for the rounds of a dump, and "
		  "%s makes none",
		  line->page_server ? "one with --page-server" : line->command);
	return -EINVAL;
}

/* Refuses what cannot be tracked before anything is touched. */
static int check_request(const struct cli_command_line *line, pid_t *ret_root)
{
	int ret;

	if (strcmp(line->command, "dump") && strcmp(line->command, "pre-dump")) {
		log_error("--lazy-wp is for pre-dump, dump and check, not for %s", line->command);
		return -EINVAL;
	}
	if (!line->tree) {
		log_error("%s --lazy-wp needs -t PID on the command line", line->command);
		return -EINVAL;
	}
	ret = check_rounds_options(line);
	if (!ret)
		ret = cli_parse_pid(line->tree, ret_root);
	if (!ret)
		ret = cli_check_target(*ret_root, line->command);
	if (!ret)
		ret = cli_check_directories(line->images, line->parent, line->command);
	/* With a page server the pages are there, in a chain of its own. */
	if (!ret && !line->page_server)
		ret = cli_check_chain(line->images, line->parent, line->command);
	return ret;
}

/* The tree is named in the environment so that the plugin need not read CRIU's options. */
static int activate(const struct cli_command_line *line, const struct cli_paths *paths,
		    enum track_kind tracker, pid_t root, pid_t throttle)
{
	const struct session_activation activation = {
		.tracker = tracker,
		.keeper = paths->keeper,
		.root = root,
		.what = root ? line->command : NULL,
		.throttle = throttle,
	};

	return session_activation_export(&activation, paths->plugin);
}

static int execute(const char *criu, char **args)
{
	execv(criu, args);
	log_error("cannot execute %s: %s", criu, strerror(errno));
	return 1;
}

static int launch_untouched(int argc, char **argv)
{
	auto_free char **args = calloc(argc + 1, sizeof(*args));
	char criu[PATH_MAX];

	if (cli_find_criu(criu) || !args)
		return 1;
	memcpy(args, argv, argc * sizeof(*args));
	args[0] = criu;
	return execute(criu, args);
}

/* CRIU would stop at an option of ours before it comes to --help. */
static int show_help(int argc, char **argv, const struct cli_command_line *line)
{
	auto_free char **args = NULL;
	char criu[PATH_MAX];

	signal(SIGCHLD, SIG_DFL);
	if (cli_find_criu(criu))
		return 1;
	args = cli_criu_arguments(argc, argv, criu, line, false, NULL);
	return args ? cli_show_help(criu, args) : 1;
}

static int launch_criu(int argc, char **argv, const struct cli_command_line *line,
		       const struct cli_paths *paths, bool track, const char *parent)
{
	auto_free char **args = cli_criu_arguments(argc, argv, paths->criu, line, track, parent);

	return args ? execute(paths->criu, args) : 1;
}

/* A pre-dump by CRIU, or a dump after as many rounds as it takes. */
static int launch_tracked(int argc, char **argv, const struct cli_command_line *line,
			  const struct cli_paths *paths, enum track_kind tracker, pid_t root)
{
	const struct criu_round criu_round = { argc, argv, line, paths };
	bool live = tracker == TRACK_KIND_UFFD_WP;
	char parent[32];
	int rounds = 0;
	pid_t throttle = 0;

	/* Each round would need a page server of its own. */
	if (!strcmp(line->command, "dump") && !line->page_server)
		rounds = cli_rounds(line, root, paths->keeper, live ? NULL : &criu_round,
				    &throttle);
	if (rounds < 0)
		return 1;
	if ((line->jobs || line->bandwidth) && (!live || !rounds))
		log_warn("--jobs and --bandwidth are for live copies: CRIU copies as it does");
	if (activate(line, paths, tracker, root, throttle))
		return 1;
	snprintf(parent, sizeof(parent), "pre/%d", rounds);
	return launch_criu(argc, argv, line, paths, true, rounds ? parent : NULL);
}

/*
 * Where nothing can be tracked, CRIU serves as it would without us: it refuses pre-dumps itself,
 * and all other requests work.
 */
static int launch_rpc(int argc, char **argv, const struct cli_command_line *line)
{
	struct session_activation activation = { .what = "rpc" };
	enum track_kind kind;
	struct cli_paths paths;

	if (cli_find_paths(&paths))
		return 1;
	if (choose_tracker(line->tracker ? line->tracker : cli_config()->tracker, &kind) ||
	    kind == TRACK_KIND_NONE || !cli_can_preload(paths.criu))
		return launch_criu(argc, argv, line, &paths, false, NULL);
	activation.tracker = kind;
	activation.keeper = paths.keeper;
	if (cli_rpc_open_standard_descriptors() ||
	    session_activation_export(&activation, paths.plugin))
		return 1;
	return launch_criu(argc, argv, line, &paths, false, NULL);
}

static int launch_lazy(int argc, char **argv, const struct cli_command_line *line)
{
	enum track_kind kind;
	struct cli_paths paths;
	pid_t root = 0;

	if (!line->command) {
		log_error("--lazy-wp needs a command: pre-dump, dump or check");
		return 1;
	}
	cli_refusals_to_log(line);
	signal(SIGPIPE, SIG_IGN); /* as CRIU does: messages may go to a pipe that somebody closes */
	signal(SIGCHLD, SIG_DFL); /* ignored, no child of ours could be waited for */
	if (cli_find_paths(&paths) || choose_tracker(line->tracker, &kind))
		return 1;
	if (kind == TRACK_KIND_NONE)
		return launch_criu(argc, argv, line, &paths, false, NULL);
	if (strcmp(line->command, "check") && check_request(line, &root))
		return 1;
	/* Only write-protection is read and set again in one step, without stopping anything. */
	if (kind == TRACK_KIND_UFFD_WP && !strcmp(line->command, "pre-dump") && !line->mode)
		return cli_live_pre_dump(argc, argv, &paths);
	if (cli_check_rights(line->command, paths.criu, line->unprivileged))
		return 1;
	return launch_tracked(argc, argv, line, &paths, kind, root);
}

/* A command line wins over the file. */
static int configure(const struct cli_command_line *line)
{
	const struct {
		const char *key, *value;
	} options[] = {
		{ "real-criu", line->real_criu },
		{ "log-level", line->log_level },
		{ "idle-limit", line->idle_limit },
	};
	int ret = cli_config_load();

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !ret; i++)
		if (options[i].value)
			ret = cli_config_set(options[i].key, options[i].value, "--");
	return ret;
}

int cli_launch(int argc, char **argv, bool implied)
{
	struct cli_command_line line;

	cli_read_command_line(argc, argv, &line);
	if (line.command && !strcmp(line.command, "swrk"))
		cli_rpc_log_to_syslog();
	if (configure(&line))
		return 1;
	if (cli_is_rpc(line.command))
		return launch_rpc(argc, argv, &line);
	if (!line.tracker && (line.lazy || implied))
		line.tracker = cli_config()->tracker;
	if (cli_wants_help(argc, argv))
		return show_help(argc, argv, &line);
	return line.tracker ? launch_lazy(argc, argv, &line) : launch_untouched(argc, argv);
}
