// SPDX-License-Identifier: GPL-2.0-only
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/printable.h"

/* Above the kernel's largest pid_max (4 Mi): a longer list is not a tree of processes. */
#define PROCESS_LIST_MAX (4u << 20)

/* The longest line that counts is NSpid in 33 nested namespaces; Groups is longer and is cut. */
#define STATUS_LINE_MAX 512

static FILE *open_proc_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

static int open_error(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

int process_parse_stat(FILE *text, uint64_t *ret_start_time)
{
	char line[1024], *after_name;
	uint64_t start_time;

	if (!fgets(line, sizeof(line), text))
		return -ESRCH;
	/* The name stands in parentheses and may hold any character, these included. */
	after_name = strrchr(line, ')');
	if (!after_name ||
	    sscanf(after_name + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &start_time) != 1)
		return -EBADMSG;
	*ret_start_time = start_time;
	return 0;
}

int process_start_time(pid_t pid, uint64_t *ret_start_time)
{
	auto_fclose FILE *file = open_proc_file(pid, "stat");

	return file ? process_parse_stat(file, ret_start_time) : open_error();
}

static void parse_status_line(const char *line, struct process_info *info)
{
	const char *last;
	int flag;

	sscanf(line, "Tgid: %d", &info->tgid);
	sscanf(line, "PPid: %d", &info->parent);
	sscanf(line, "TracerPid: %d", &info->tracer);
	sscanf(line, "State: %c", &info->state);
	if (sscanf(line, "Name: %31[^\n]", info->name) == 1)
		make_printable(info->name); /* its own choice, and messages show it on terminals */
	if (sscanf(line, "Kthread: %d", &flag) == 1) /* since Linux 6.8 */
		info->kernel_thread = flag;
	if (!strncmp(line, "VmSize:", 7))
		info->has_memory = true;
	last = strrchr(line, '\t');
	if (!strncmp(line, "NSpid:", 6) && last)
		info->innermost_pid = strtoul(last, NULL, 10);
}

static bool makes_sense(const struct process_info *info)
{
	return info->tgid > 0 && info->parent >= 0 && info->tracer >= 0 && info->state &&
	       info->innermost_pid <= INT32_MAX;
}

int process_parse_status(FILE *text, pid_t pid, struct process_info *ret_info)
{
	struct process_info info = { .pid = pid, .innermost_pid = pid };
	char line[STATUS_LINE_MAX];

	while (fgets(line, sizeof(line), text))
		parse_status_line(line, &info);
	/* Reaped before or while the file was read, a process has no numbers any more. */
	if (!info.tgid || !info.innermost_pid)
		return -ESRCH;
	if (!makes_sense(&info))
		return -EBADMSG;
	/* Before 6.8: without memory, and neither a zombie nor dead. */
	if (!info.has_memory && !strchr("ZX", info.state))
		info.kernel_thread = true;
	*ret_info = info;
	return 0;
}

int process_read(pid_t pid, struct process_info *ret_info)
{
	auto_fclose FILE *status = open_proc_file(pid, "status");
	struct process_info info;
	int ret;

	if (!status)
		return open_error();
	ret = process_parse_status(status, pid, &info);
	if (!ret)
		ret = process_start_time(pid, &info.start_time);
	if (ret)
		return ret;
	*ret_info = info;
	return 0;
}

bool process_has_ended(pid_t pid)
{
	struct process_info info;
	int ret = process_read(pid, &info);

	return ret == -ESRCH || (!ret && (strchr("ZX", info.state) || !info.has_memory));
}

int process_list_append(struct process_list *list, pid_t pid)
{
	if (list->nr == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 32;
		pid_t *v;

		if (cap > PROCESS_LIST_MAX)
			return -ENOMEM;
		v = reallocarray(list->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		list->v = v;
		list->cap = cap;
	}
	list->v[list->nr++] = pid;
	return 0;
}

bool process_list_contains(const struct process_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->nr; i++)
		if (list->v[i] == pid)
			return true;
	return false;
}

int process_parse_children(FILE *text, struct process_list *list)
{
	pid_t child;

	while (fscanf(text, "%d", &child) == 1) {
		int ret = child > 0 ? process_list_append(list, child) : -EBADMSG;

		if (ret)
			return ret;
	}
	return feof(text) || ferror(text) ? 0 : -EBADMSG;
}

int process_threads(pid_t pid, struct process_list *ret_list)
{
	auto_process_list struct process_list list = { 0 };
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	char path[64];
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return open_error();
	while (!ret && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ret = process_list_append(&list, atoi(entry->d_name));
	if (ret)
		return ret;
	*ret_list = list;
	list = (struct process_list){ 0 };
	return 0;
}

static int append_children_of_thread(pid_t pid, pid_t tid, struct process_list *list)
{
	auto_fclose FILE *children = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
	children = fopen(path, "re");
	if (!children) /* the thread ended */
		return errno == ENOMEM ? -ENOMEM : 0;
	return process_parse_children(children, list);
}

static int append_children(pid_t pid, struct process_list *list)
{
	auto_process_list struct process_list threads = { 0 };
	int ret = process_threads(pid, &threads);

	for (size_t i = 0; i < threads.nr && !ret; i++)
		ret = append_children_of_thread(pid, threads.v[i], list);
	return ret;
}

int process_tree(pid_t root, struct process_list *ret_list)
{
	auto_process_list struct process_list list = { 0 };
	int ret = process_list_append(&list, root);

	/* The list grows while it is walked: children are appended behind their parents. */
	for (size_t i = 0; i < list.nr && !ret; i++) {
		ret = append_children(list.v[i], &list);
		if (ret == -ESRCH && i)
			ret = 0;
	}
	if (ret)
		return ret;
	*ret_list = list;
	list = (struct process_list){ 0 };
	return 0;
}

void process_list_free(struct process_list *list)
{
	free(list->v);
	*list = (struct process_list){ 0 };
}

int process_open_file(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? open_error() : fd;
}

int process_open_memory(pid_t pid)
{
	return process_open_file(pid, "mem");
}
