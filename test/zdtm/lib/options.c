// SPDX-License-Identifier: GPL-2.0-only
/*
 * --name=VALUE options. A required file or directory name that was not given is made from the
 * test's own name, as the makefile of CRIU's tests does for those it knows.
 */
#include "zdtmtst.h"

static struct long_opt *options;

void __push_opt(struct long_opt *opt)
{
	opt->next = options;
	options = opt;
}

#define DEFINE_PARSER(kind, type, conversion)                    \
	int parse_opt_##kind(char *param, void *arg)             \
	{                                                        \
		char *end = param;                               \
                                                                 \
		if (!param)                                      \
			return -1;                               \
		*(type *)arg = (type)conversion(param, &end, 0); \
		return end == param || *end ? -1 : 0;            \
	}

DEFINE_PARSER(int, int, strtol)
DEFINE_PARSER(uint, unsigned int, strtoul)
DEFINE_PARSER(long, long, strtol)
DEFINE_PARSER(ulong, unsigned long, strtoul)

int parse_opt_bool(char *param, void *arg)
{
	if (param)
		return parse_opt_int(param, arg);
	*(int *)arg = 1;
	return 0;
}

int parse_opt_string(char *param, void *arg)
{
	if (!param)
		return -1;
	*(char **)arg = param;
	return 0;
}

static void usage(const char *program)
{
	fprintf(stderr, "%s: %s\nBy: %s\n", program, test_doc, test_author);
	for (const struct long_opt *option = options; option; option = option->next)
		fprintf(stderr, "  --%s=%s  %s%s\n", option->name, option->type, option->doc,
			option->is_required ? " (required)" : "");
	exit(1);
}

static struct long_opt *find(const char *name, size_t len)
{
	struct long_opt *option = options;

	while (option && (strlen(option->name) != len || strncmp(option->name, name, len)))
		option = option->next;
	return option;
}

static void parse(const char *program, char *argument)
{
	const char *name = argument + 2;
	char *value = strchr(argument, '=');
	struct long_opt *option;

	if (strncmp(argument, "--", 2))
		usage(program);
	option = find(name, value ? (size_t)(value - name) : strlen(name));
	if (!option || option->parse_opt(value ? value + 1 : NULL, option->value))
		usage(program);
	option->is_required = 0;
}

static void add_default(const char *program, struct long_opt *option)
{
	const char *base = strrchr(program, '/');

	if ((strcmp(option->name, "filename") && strcmp(option->name, "dirname")) ||
	    asprintf((char **)option->value, "%s.test", base ? base + 1 : program) < 0)
		usage(program);
}

void parseargs(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		parse(argv[0], argv[i]);
	for (struct long_opt *option = options; option; option = option->next)
		if (option->is_required)
			add_default(argv[0], option);
}
