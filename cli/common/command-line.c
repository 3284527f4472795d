// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/command-line.h"

#include <stdlib.h>
#include <string.h>

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
		"--ext-mount-map",
		"--skip-mnt",
		"--enable-fs",
		"--cgroup-props",
		"--cgroup-props-file",
		"--cgroup-dump-controller",
		"--cgroup-yard",
		"--ghost-limit",
		"--irmap-scan-path",
		"--network-lock",
		"--lsm-profile",
		"--compress-block",
		"--compress-acceleration",
		"--decompress-threads",
		"--image-io-mode",
		"--real-criu",
		"--log-level",
		"--idle-limit",
		"--max-downtime",
		"--max-rounds",
		"--on-stall",
		"--jobs",
		"--bandwidth",
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

/* The options of ours that have a value. */
static bool is_own(const char *arg, const char *next, struct cli_command_line *line)
{
	return is_option(arg, next, 0, "--real-criu", &line->real_criu) ||
	       is_option(arg, next, 0, "--log-level", &line->log_level) ||
	       is_option(arg, next, 0, "--idle-limit", &line->idle_limit) ||
	       is_option(arg, next, 0, "--max-downtime", &line->max_downtime) ||
	       is_option(arg, next, 0, "--max-rounds", &line->max_rounds) ||
	       is_option(arg, next, 0, "--on-stall", &line->on_stall) ||
	       is_option(arg, next, 0, "--jobs", &line->jobs) ||
	       is_option(arg, next, 0, "--bandwidth", &line->bandwidth);
}

static void look_at_argument(const char *arg, const char *next, struct cli_command_line *line)
{
	if (!strcmp(arg, "--lazy-wp"))
		line->lazy = true;
	else if (!strcmp(arg, "--page-server"))
		line->page_server = true;
	else if (!strcmp(arg, "--auto-dedup"))
		line->auto_dedup = true;
	else if (!strcmp(arg, "--unprivileged"))
		line->unprivileged = true;
	else if (!is_option(arg, next, 0, "--lazy-wp", &line->tracker) &&
		 !is_option(arg, next, 't', "--tree", &line->tree) &&
		 !is_option(arg, next, 0, "--pre-dump-mode", &line->mode) &&
		 !is_option(arg, next, 0, "--timeout", &line->timeout) &&
		 !is_own(arg, next, line) &&
		 !is_option(arg, next, 'o', "--log-file", &line->log_file) &&
		 !is_option(arg, next, 'W', "--work-dir", &line->work) &&
		 !is_option(arg, next, 'D', "--images-dir", &line->images) &&
		 !is_option(arg, next, 0, "--prev-images-dir", &line->parent) && arg[0] != '-' &&
		 !line->command)
		line->command = arg;
}

void cli_read_command_line(int argc, char **argv, struct cli_command_line *ret_line)
{
	*ret_line = (struct cli_command_line){ .images = "." };
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		look_at_argument(argv[i], i + 1 < argc ? argv[i + 1] : NULL, ret_line);
		if (takes_value(argv[i]))
			i++;
	}
}

char **cli_criu_arguments(int argc, char **argv, const char *criu,
			  const struct cli_command_line *line, bool track, const char *parent)
{
	char **args = calloc((size_t)argc + 4, sizeof(*args));
	struct cli_command_line ours = { 0 };
	const char *next, *replaced;
	bool dump = line->command && !strcmp(line->command, "dump");
	int nr = 0;

	if (!args)
		return NULL;
	args[nr++] = (char *)criu;
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--lazy-wp", 9) && (!argv[i][9] || argv[i][9] == '='))
			continue;
		next = i + 1 < argc ? argv[i + 1] : NULL;
		if (is_own(argv[i], next, &ours) ||
		    (parent && is_option(argv[i], next, 0, "--prev-images-dir", &replaced))) {
			i += !strchr(argv[i], '=');
			continue;
		}
		args[nr++] = argv[i];
		if (argv[i] != line->command || !dump)
			continue;
		if (track)
			args[nr++] = "--track-mem";
		if (parent) {
			args[nr++] = "--prev-images-dir";
			args[nr++] = (char *)parent;
		}
	}
	return args;
}
