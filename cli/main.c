// SPDX-License-Identifier: GPL-2.0-only
/* criu-lazy-wp: our own sub-commands; everything else is CRIU's, run with --lazy-wp. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/common/help.h"
#include "cli/common/launch.h"

static int launch(int argc, char **argv);

static const struct cli_command commands[] = {
	{ "check", "", "tell what this kernel offers and whether incremental checkpoints work here",
	  cli_cmd_check },
	{ "pre-dump", "-t PID -D DIR [--prev-images-dir DIR] [CRIU's options]",
	  "take an incremental pre-dump (criu pre-dump --lazy-wp)", launch },
	{ "dump", "-t PID -D DIR [--prev-images-dir DIR] [CRIU's options]",
	  "take the final dump (criu dump --lazy-wp)", launch },
	{ "status", "[--json]", "list the tracked trees", cli_cmd_status },
	{ "stop", "-t PID", "end tracking of a tree, which goes on untouched", cli_cmd_stop },
	{ "show", "FILE [--json]", "print a dirty log, a pagemap or lazy-wp-stats.json",
	  cli_cmd_show },
	{ "verify", "-t PID -D DIR [--stopped] [--strict]",
	  "compare a tree's memory with what its images would restore", cli_cmd_verify },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* argv[0] is the command; CRIU wants a program name before it. */
static int launch(int argc, char **argv)
{
	return cli_launch(argc + 1, argv - 1, true);
}

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: criu-lazy-wp COMMAND [OPTIONS]\n\nCommands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].usage,
			commands[i].help);
	fprintf(out, "\nOptions:\n  -h, --help     print this, or after a command that command's\n"
		     "  -V, --version  print the version\n");
	cli_print_options(out);
	fprintf(out, "\nExit status: 0, or 1 after a line on stderr; of pre-dump and dump CRIU's; "
		     "verify: 1 also if a\nbyte differs; check: 1 also if incremental "
		     "checkpoints do not work here.\n"
		     "A checkpoint made with this is restored by plain `criu restore`.\n");
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "-h") || !strcmp(arg, "--help");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	if (command->run != launch)
		signal(SIGCHLD, SIG_DFL); /* ignored, no child of ours could be waited for */
	if (command->run == launch || argc < 2 || !is_help(argv[1]))
		return command->run(argc, argv);
	printf("Usage: criu-lazy-wp %s %s\n\n%s\n\nMore: man criu-lazy-wp\n", command->name,
	       command->usage, command->help);
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	if (is_help(name)) {
		print_usage(argc > 1 ? stdout : stderr);
		return argc > 1 ? 0 : 1;
	}
	if (!strcmp(name, "-V") || !strcmp(name, "--version")) {
		printf("criu-lazy-wp " LAZY_WP_VERSION "\n");
		return 0;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "Error: no command '%s': see criu-lazy-wp --help\n", name);
	return 1;
}
