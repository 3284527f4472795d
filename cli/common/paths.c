// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/paths.h"

#include <bsd/string.h>
#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common/config.h"
#include "util/cleanup.h"
#include "util/log.h"

static int own_directory(char ret_dir[PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return -errno;
	exe[len] = 0;
	strlcpy(ret_dir, dirname(exe), PATH_MAX);
	return 0;
}

static bool is_executable_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static bool is_own_file(const char *path)
{
	struct stat st, own;

	return !stat(path, &st) && !stat("/proc/self/exe", &own) && st.st_dev == own.st_dev &&
	       st.st_ino == own.st_ino;
}

/*
 * A launcher, of this or of another installation, has the keeper beside it. Two that took each
 * other for CRIU would never come to an end.
 */
static bool is_launcher(const char *path)
{
	char resolved[PATH_MAX], keeper[PATH_MAX + sizeof("/lazy-wpd")];

	if (is_own_file(path))
		return true;
	if (!realpath(path, resolved))
		return false;
	snprintf(keeper, sizeof(keeper), "%s/lazy-wpd", dirname(resolved));
	return is_executable_file(keeper);
}

/* The first of a NULL-terminated list of paths relative to our own directory that exists. */
static int find_beside(const char *const *relative, char ret_path[PATH_MAX])
{
	char dir[PATH_MAX], path[2 * PATH_MAX];
	int ret = own_directory(dir);

	if (ret)
		return ret;
	for (; *relative; relative++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *relative);
		if (!access(path, R_OK))
			return realpath(path, ret_path) ? 0 : -errno;
	}
	return -ENOENT;
}

int cli_find_plugin(char ret_path[PATH_MAX])
{
	static const char *const places[] = { "../plugin/lazy_wp_plugin.so",
					      "../lib/criu-lazy-wp/lazy_wp_plugin.so",
					      "../../lib/criu-lazy-wp/lazy_wp_plugin.so", NULL };

	return find_beside(places, ret_path);
}

int cli_find_keeper(char ret_path[PATH_MAX])
{
	static const char *const places[] = { "lazy-wpd", "../libexec/criu-lazy-wp/lazy-wpd",
					      NULL };

	return find_beside(places, ret_path);
}

static int find_in_path(char ret_path[PATH_MAX])
{
	const char *path = getenv("PATH");
	auto_free char *dirs = path ? strdup(path) : NULL;
	char *rest = dirs, *dir;

	while ((dir = strsep(&rest, ":"))) {
		char candidate[PATH_MAX];
		int len = snprintf(candidate, sizeof(candidate), "%s/criu", *dir ? dir : ".");

		if (len >= (int)sizeof(candidate) || !is_executable_file(candidate) ||
		    is_launcher(candidate))
			continue;
		strlcpy(ret_path, candidate, PATH_MAX);
		return 0;
	}
	return -ENOENT;
}

static int find_criu(char ret_path[PATH_MAX])
{
	static const char *const places[] = { "../criu/criu", "../../criu/criu", NULL };
	const char *chosen = cli_config()->real_criu;

	if (*chosen) {
		if (!is_executable_file(chosen) || is_launcher(chosen))
			return -EACCES;
		strlcpy(ret_path, chosen, PATH_MAX);
		return 0;
	}
	if (!find_beside(places, ret_path) && is_executable_file(ret_path) &&
	    !is_launcher(ret_path))
		return 0;
	return find_in_path(ret_path);
}

int cli_find_criu(char ret_path[PATH_MAX])
{
	int ret = find_criu(ret_path);

	if (ret == -EACCES)
		log_error("real-criu (or LAZY_WP_CRIU) %s is not an executable CRIU: correct it",
			  cli_config()->real_criu);
	else if (ret)
		log_error("no criu found in PATH: install CRIU 4.0 or later, or set real-criu");
	return ret;
}

int cli_find_paths(struct cli_paths *ret_paths)
{
	struct cli_paths paths;
	int ret = cli_find_criu(paths.criu);

	if (ret)
		return ret;
	ret = cli_find_plugin(paths.plugin);
	if (!ret)
		ret = cli_find_keeper(paths.keeper);
	if (ret) {
		log_error(
			"lazy_wp_plugin.so or lazy-wpd is missing beside this program: install again");
		return ret;
	}
	*ret_paths = paths;
	return 0;
}
