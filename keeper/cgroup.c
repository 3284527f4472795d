// SPDX-License-Identifier: GPL-2.0-only
#include "keeper/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define LINE_BYTES (PATH_MAX + 256)

/* True if list, like "rw,cpu,cpuacct", has all of part, like "cpu,cpuacct", in this order. */
static bool list_contains(const char *list, const char *part)
{
	char padded_list[300], padded_part[300];

	snprintf(padded_list, sizeof(padded_list), ",%s,", list);
	snprintf(padded_part, sizeof(padded_part), ",%s,", part);
	return strstr(padded_list, padded_part);
}

/* A line of /proc/self/mountinfo, proc(5): does it mount the hierarchy of these controllers? */
static bool is_mount_of(const char *line, const char *controllers, char ret_path[PATH_MAX])
{
	const char *separator = strstr(line, " - ");
	char type[32], options[256];

	if (!separator || sscanf(separator, " - %31s %*s %255s", type, options) != 2)
		return false;
	if (controllers[0] ? strcmp(type, "cgroup") || !list_contains(options, controllers) :
			     strcmp(type, "cgroup2"))
		return false;
	/* An escaped character in such a path is not worth decoding. */
	return sscanf(line, "%*d %*d %*s %*s %4095s", ret_path) == 1 && !strchr(ret_path, '\\');
}

static bool find_mount(const char *controllers, char ret_path[PATH_MAX])
{
	auto_fclose FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[2 * LINE_BYTES];

	while (mounts && fgets(line, sizeof(line), mounts))
		if (is_mount_of(line, controllers, ret_path))
			return true;
	return false;
}

static void move_to_top(const char *controllers)
{
	char mount_point[PATH_MAX], path[PATH_MAX + 16];
	auto_close int procs = -1;

	if (!find_mount(controllers, mount_point))
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", mount_point);
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs >= 0)
		dprintf(procs, "0"); /* whoever writes; a refusal changes nothing */
}

static bool is_in(pid_t pid, const char *wanted_line)
{
	auto_fclose FILE *file = NULL;
	char path[64], line[LINE_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strcmp(line, wanted_line))
			return true;
	return false;
}

/* Lines are ID:CONTROLLERS:PATH, cgroups(7); version 2 has no controllers there. */
void keeper_leave_cgroups_of(pid_t root)
{
	auto_fclose FILE *own = fopen("/proc/self/cgroup", "re");
	char line[LINE_BYTES];

	while (own && fgets(line, sizeof(line), own)) {
		char *controllers = strchr(line, ':'), *path;

		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path || !strcmp(path, ":/\n") || !is_in(root, line))
			continue;
		*path = '\0';
		move_to_top(controllers + 1);
	}
}
