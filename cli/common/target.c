// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "image/chain.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/process.h"

int cli_parse_pid(const char *text, pid_t *ret_pid)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || end == text || *end || pid <= 0 || pid > INT_MAX) {
		log_error("'%s' is not a process id: give a positive number", text);
		return -EINVAL;
	}
	*ret_pid = pid;
	return 0;
}

static bool is_own_ancestor(pid_t pid)
{
	struct process_info info;
	pid_t own = getpid();

	while (own > 1) {
		if (own == pid)
			return true;
		if (process_read(own, &info))
			return false;
		own = info.parent;
	}
	return false;
}

static int check_kind(const struct process_info *info, const char *what)
{
	const char *why = NULL;

	if (info->kernel_thread)
		why = "it is a kernel thread";
	else if (info->state == 'Z' || info->state == 'X')
		why = "it, or its first thread, has ended";
	else if (info->pid == 1)
		why = "it is init, the parent of everything here";
	else if (is_own_ancestor(info->pid))
		why = "it is this command's own ancestor: run the command from another session";
	if (!why)
		return 0;
	log_error("cannot %s %d (%s): %s", what, info->pid, info->name, why);
	return -EINVAL;
}

/* The tracer of any thread of pid, or 0. */
static pid_t find_tracer(pid_t pid)
{
	auto_process_list struct process_list threads = { 0 };
	struct process_info info;

	process_threads(pid, &threads); /* none if it is gone */
	for (size_t i = 0; i < threads.nr; i++)
		if (!process_read(threads.v[i], &info) && info.tracer)
			return info.tracer;
	return 0;
}

static int check_tracer(pid_t root, pid_t pid, const char *what)
{
	pid_t tracer = find_tracer(pid);
	struct process_info info = { 0 };

	if (!tracer)
		return 0;
	process_read(tracer, &info);
	log_error("cannot %s %d: process %d is traced by %s (pid %d): detach it first", what, root,
		  pid, info.name[0] ? info.name : "a tracer elsewhere", tracer);
	return -EBUSY;
}

/* Opening its memory asks the kernel what attaching to it will. A process that has ended has none. */
static int check_access(pid_t root, pid_t pid, const char *what)
{
	auto_close int memory = process_open_memory(pid);

	if (memory != -EACCES && memory != -EPERM)
		return 0;
	log_error("cannot %s %d: no access to process %d: %s: where it is another user's, or not "
		  "dumpable, this needs root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
		  what, root, pid, strerror(-memory));
	return memory;
}

static int check_tree(pid_t root, const char *what)
{
	auto_process_list struct process_list tree = { 0 };
	int ret = process_tree(root, &tree);

	for (size_t i = 0; i < tree.nr && !ret; i++) {
		ret = check_tracer(root, tree.v[i], what);
		if (!ret)
			ret = check_access(root, tree.v[i], what);
	}
	return ret;
}

int cli_check_target(pid_t pid, const char *what)
{
	struct process_info info;
	int ret = process_read(pid, &info);

	if (ret == -ESRCH)
		log_error("cannot %s %d: no such process", what, pid);
	else if (ret)
		log_error("cannot %s %d: reading /proc/%d: %s", what, pid, pid, strerror(-ret));
	if (ret)
		return ret;
	if (info.tgid != pid) {
		log_error("cannot %s %d: it is a thread of process %d: give that id", what, pid,
			  info.tgid);
		return -EINVAL;
	}
	ret = check_kind(&info, what);
	return ret ? ret : check_tree(pid, what);
}

int cli_check_directories(const char *images, const char *parent, const char *what)
{
	auto_close int dir = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent_dir = -1;

	if (dir < 0 || faccessat(dir, ".", W_OK, AT_EACCESS)) {
		int ret = -errno;

		log_error("cannot %s into directory %s: %s%s", what, images, strerror(-ret),
			  ret == -ENOENT ? ": create it first" : "");
		return ret;
	}
	if (!parent)
		return 0;
	parent_dir = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent_dir < 0) {
		int ret = -errno;

		log_error("cannot %s on top of the parent directory %s (seen from %s): %s", what,
			  parent, images, strerror(-ret));
		return ret;
	}
	return 0;
}

int cli_check_chain(const char *images, const char *parent, const char *what)
{
	auto_close int dir = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct image_error error;
	int ret = image_chain_check_parents(dir, parent, &error);

	if (ret)
		log_error("cannot %s into %s on top of %s: %s: take another directory, or begin "
			  "without a parent",
			  what, images, parent, error.text);
	return ret;
}
