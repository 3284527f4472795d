// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/common/paths.h"
#include "cli/common/target.h"
#include "session/activation.h"
#include "track/kind.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/process.h"

struct command_line {
	const char *command; /* "dump", … or NULL */
	const char *tree;    /* the value of -t, --tree, or NULL */
	const char *tracker; /* of --lazy-wp=TRACKER, "auto" without a value; NULL: not given */
	const char *freezer; /* --freeze-cgroup */
	const char *images;  /* -D, --images-dir; CRIU's default is "." */
	const char *parent;  /* --prev-images-dir, relative to images; NULL: none */
};

/* CRIU's options whose value is the next argument and could be taken for a command. */
static bool takes_value(const char *arg)
{
	static const char *const options[] = {
		"-t",
		"-D",
		"-W",
		"-o",
		"-L",
		"-J",
		"-M",
		"-r",
		"--tree",
		"--images-dir",
		"--work-dir",
		"--log-file",
		"--libdir",
		"--prev-images-dir",
		"--pre-dump-mode",
		"--address",
		"--port",
		"--pidfile",
		"--root",
		"--config",
		"--timeout",
		"--feature",
		"--action-script",
		"--external",
		"--inherit-fd",
		"--freeze-cgroup",
		"--cgroup-root",
		"--manage-cgroups",
		"--ghost-limit",
		"--network-lock",
		"--lsm-profile",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(arg, options[i]))
			return true;
	return false;
}

static const char *value_of(const char *arg, const char *option)
{
	size_t len = strlen(option);

	return !strncmp(arg, option, len) && arg[len] == '=' ? arg + len + 1 : NULL;
}

/* -xVALUE, -x VALUE, --option VALUE or --option=VALUE; short may be 0. */
static bool is_option(const char *arg, const char *next, char short_name, const char *option,
		      const char **ret_value)
{
	const char *value = value_of(arg, option);

	if (!strcmp(arg, option))
		value = next;
	else if (short_name && arg[0] == '-' && arg[1] == short_name)
		value = arg[2] ? arg + 2 : next;
	if (value)
		*ret_value = value;
	return value;
}

static void look_at_argument(const char *arg, const char *next, struct command_line *line)
{
	if (!strcmp(arg, "--lazy-wp"))
		line->tracker = "auto";
	else if (!is_option(arg, next, 0, "--lazy-wp", &line->tracker) &&
		 !is_option(arg, next, 't', "--tree", &line->tree) &&
		 !is_option(arg, next, 0, "--freeze-cgroup", &line->freezer) &&
		 !is_option(arg, next, 'D', "--images-dir", &line->images) &&
		 !is_option(arg, next, 0, "--prev-images-dir", &line->parent) && arg[0] != '-' &&
		 !line->command)
		line->command = arg;
}

static void read_command_line(int argc, char **argv, struct command_line *ret_line)
{
	*ret_line = (struct command_line){ .images = "." };
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		look_at_argument(argv[i], i + 1 < argc ? argv[i + 1] : NULL, ret_line);
		if (takes_value(argv[i]))
			i++;
	}
}

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

/*
 * Our own option goes, --track-mem comes: CRIU's dump asks the tracker only with it, and without
 * any tracker refuses it.
 */
static char **criu_arguments(int argc, char **argv, const char *criu,
			     const struct command_line *line, enum track_kind kind)
{
	bool track = kind != TRACK_KIND_NONE;
	char **args = calloc(argc + 2, sizeof(*args));
	int nr = 0;

	if (!args)
		return NULL;
	args[nr++] = (char *)criu;
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--lazy-wp", 9) && (!argv[i][9] || argv[i][9] == '='))
			continue;
		args[nr++] = argv[i];
		if (track && argv[i] == line->command && !strcmp(line->command, "dump"))
			args[nr++] = "--track-mem";
	}
	return args;
}

/* The tree is named in the environment so that the plugin need not read CRIU's options. */
static int activate(const struct command_line *line, const struct cli_paths *paths)
{
	struct session_activation activation = { .keeper = paths->keeper };
	int ret;

	if (!strcmp(line->command, "check"))
		return session_activation_export(&activation, paths->plugin);
	if (strcmp(line->command, "dump") && strcmp(line->command, "pre-dump")) {
		log_error("--lazy-wp is for pre-dump, dump and check, not for %s", line->command);
		return -EINVAL;
	}
	if (!line->tree) {
		log_error("%s --lazy-wp needs -t PID on the command line", line->command);
		return -EINVAL;
	}
	if (line->freezer) {
		/* A frozen task cannot run the system call that tracking begins with. */
		log_error(
			"%s --lazy-wp cannot be used with --freeze-cgroup yet: leave that option out",
			line->command);
		return -ENOTSUP;
	}
	ret = cli_parse_pid(line->tree, &activation.root);
	if (!ret)
		ret = cli_check_target(activation.root, line->command);
	if (!ret)
		ret = cli_check_directories(line->images, line->parent, line->command);
	if (ret)
		return ret;
	activation.what = line->command;
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

	if (cli_find_criu(criu)) {
		log_error("no real criu found: install CRIU 4.0 or later, or set LAZY_WP_CRIU");
		return 1;
	}
	if (!args)
		return 1;
	memcpy(args, argv, argc * sizeof(*args));
	args[0] = criu;
	return execute(criu, args);
}

static int launch_lazy(int argc, char **argv, const struct command_line *line)
{
	enum track_kind kind;
	struct cli_paths paths;
	auto_free char **args = NULL;

	if (!line->command) {
		log_error("--lazy-wp needs a command: pre-dump, dump or check");
		return 1;
	}
	if (cli_find_paths(&paths) || choose_tracker(line->tracker, &kind))
		return 1;
	/* With soft-dirty, or with tracking off, CRIU itself does all there is to do. */
	if (kind == TRACK_KIND_UFFD_WP && activate(line, &paths))
		return 1;
	args = criu_arguments(argc, argv, paths.criu, line, kind);
	return args ? execute(paths.criu, args) : 1;
}

int cli_launch(int argc, char **argv, bool implied)
{
	struct command_line line;

	read_command_line(argc, argv, &line);
	if (implied && !line.tracker)
		line.tracker = "auto";
	return line.tracker ? launch_lazy(argc, argv, &line) : launch_untouched(argc, argv);
}
