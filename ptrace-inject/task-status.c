// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"
#include "util/process.h"

/* Lines are cut here: those wanted are shorter, but Groups may have 65536 numbers before them. */
#define STATUS_LINE_MAX 64

/* The value if the line is of this name, else NULL. The kernel escapes newlines in Name. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) ? NULL : line + len;
}

static void parse_line(const char *line, struct inject_task_status *status)
{
	const char *value;

	if ((value = value_of(line, "State:\t")))
		status->state = *value;
	else if ((value = value_of(line, "TracerPid:\t")))
		status->tracer = atoi(value);
	else if ((value = value_of(line, "Seccomp:\t")) && atoi(value))
		status->seccomp = true;
}

int inject_parse_task_status(int fd, struct inject_task_status *ret_status)
{
	struct inject_task_status status = { 0 };
	char chunk[1024], line[STATUS_LINE_MAX] = "";
	size_t used = 0;
	ssize_t len;

	while ((len = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < len; i++) {
			if (chunk[i] != '\n' && used < sizeof(line) - 1)
				line[used++] = chunk[i];
			line[used] = '\0';
			if (chunk[i] != '\n')
				continue;
			parse_line(line, &status);
			used = 0;
		}
	}
	if (len < 0)
		return -errno;
	if (!status.state)
		return -ESRCH;
	*ret_status = status;
	return 0;
}

int inject_task_status(pid_t pid, pid_t tid, struct inject_task_status *ret_status)
{
	auto_close int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : inject_own_error(-errno);
	return inject_parse_task_status(fd, ret_status);
}

bool inject_task_is_dead(pid_t pid, pid_t tid)
{
	struct inject_task_status status;
	int error = inject_task_status(pid, tid, &status);

	return error == -ESRCH || (!error && (status.state == 'Z' || status.state == 'X'));
}

pid_t inject_choose_thread(pid_t pid)
{
	auto_process_list struct process_list threads = { 0 };
	int error;

	if (!inject_task_is_dead(pid, pid))
		return pid;
	error = inject_own_error(process_threads(pid, &threads));
	for (size_t i = 0; i < threads.nr; i++)
		if (!inject_task_is_dead(pid, threads.v[i]))
			return threads.v[i];
	return error ? error : -ESRCH;
}
