// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/help.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/log.h"

static const struct {
	const char *option, *text;
} options[] = {
	{ "--lazy-wp[=TRACKER]", "pre-dump, dump, check: track written pages with\n"
				 "auto (the best that this kernel has), uffd-wp,\n"
				 "soft-dirty or off; pre-dump copies while the tree runs" },
	{ "--jobs N", "pre-dump, dump: threads that copy (half the CPUs)" },
	{ "--bandwidth N[K|M|G]", "pre-dump, dump: bytes a second copied at most" },
	{ "--max-downtime MS", "dump: the freeze that is wanted (300)" },
	{ "--max-rounds N", "dump: live rounds at most (10); 0: none" },
	{ "--timeout S", "dump: begin no round after S seconds (and CRIU's own)" },
	{ "--on-stall dump|fail|throttle",
	  "dump: when rounds cannot make the freeze short enough" },
	{ "--real-criu PATH", "the CRIU to run" },
	{ "--log-level LEVEL", "the least of ours that is written: error, warn, info, debug" },
	{ "--idle-limit S", "tracking ends after S seconds without an iteration; 0: never" },
};

/* Values are not looked for: one that reads --help is nobody's file name. */
bool cli_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return true;
	return false;
}

static void print_option(FILE *out, const char *option, const char *text)
{
	int column = 24, width = column - 3;

	fprintf(out, "  %-*s ", width, option);
	for (; *text; text++) {
		fputc(*text, out);
		if (*text == '\n')
			fprintf(out, "%*s", column, "");
	}
	fputc('\n', out);
}

void cli_print_options(FILE *out)
{
	fprintf(out, "\nIncremental checkpoints by criu-lazy-wp (options beside CRIU's):\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		print_option(out, options[i].option, options[i].text);
	fprintf(out,
		"\nDefaults: /etc/criu-lazy-wp.conf ($LAZY_WP_CONFIG), the real CRIU: $LAZY_WP_CRIU.\n"
		"More: man criu-lazy-wp\n");
}

int cli_show_help(const char *criu, char **args)
{
	pid_t child;
	int status, ret = posix_spawn(&child, criu, NULL, NULL, args, environ);

	if (ret) {
		log_error("cannot execute %s: %s", criu, strerror(ret));
		return 1;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	cli_print_options(stdout);
	return fflush(stdout) ? 1 : 0;
}
