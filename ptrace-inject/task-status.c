// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"

/* All lines wanted come before the long ones (Cpus_allowed, Mems_allowed) at the end. */
#define STATUS_LEN_MAX 4096

/* The kernel escapes newlines in Name:, so a line start is trustworthy. */
static const char *field(const char *status, const char *name)
{
	const char *found = strstr(status, name);

	return found ? found + strlen(name) : "";
}

int inject_task_status(pid_t pid, pid_t tid, struct inject_task_status *ret_status)
{
	char path[64], text[STATUS_LEN_MAX];
	auto_close int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : inject_own_error();
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	ret_status->state = *field(text, "\nState:\t");
	ret_status->tracer = atoi(field(text, "\nTracerPid:\t"));
	ret_status->seccomp = atoi(field(text, "\nSeccomp:\t")) != 0;
	return 0;
}

bool inject_task_is_dead(pid_t pid, pid_t tid)
{
	struct inject_task_status status;
	int error = inject_task_status(pid, tid, &status);

	return error == -ESRCH || (!error && (status.state == 'Z' || status.state == 'X'));
}

pid_t inject_choose_thread(pid_t pid)
{
	auto_closedir DIR *threads = NULL;
	const struct dirent *entry;
	char path[32];

	if (!inject_task_is_dead(pid, pid))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	if (!threads)
		return errno == ENOENT ? -ESRCH : inject_own_error();
	while ((entry = readdir(threads))) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0 && !inject_task_is_dead(pid, tid))
			return tid;
	}
	return -ESRCH;
}
