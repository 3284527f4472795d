// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/inject.h"
#include "test/inject/harness/harness.h"
#include "util/cleanup.h"

#define EVENT_LIMIT_US 5000000
#define SETTLE_TRIES   100
#define SETTLE_US      10000

static void run_child(int in, int out, void (*run)(struct target_side *side), const void *argument)
{
	struct target_side side = { .in = in, .out = out, .argument = argument };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	run(&side);
	_exit(0);
}

void target_start(struct target *target, void (*run)(struct target_side *side),
		  const void *argument)
{
	int to[2], from[2];

	fflush(stdout);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		tap_bail_out("pipe: %m");
	target->pid = fork();
	if (target->pid < 0)
		tap_bail_out("fork: %m");
	if (!target->pid) {
		close(to[1]);
		close(from[0]);
		run_child(to[0], from[1], run, argument);
	}
	close(to[0]);
	close(from[1]);
	target->to_target = to[1];
	target->from_target = from[0];
}

int target_wait(struct target *target)
{
	int status;

	while (waitpid(target->pid, &status, 0) < 0)
		if (errno != EINTR)
			tap_bail_out("waitpid: %m");
	close(target->to_target);
	close(target->from_target);
	return status;
}

void target_end(struct target *target)
{
	kill(target->pid, SIGKILL);
	target_wait(target);
}

void side_say(struct target_side *side, uint64_t message)
{
	while (write(side->out, &message, sizeof(message)) < 0)
		if (errno != EINTR)
			_exit(1);
}

uint64_t side_hear(struct target_side *side)
{
	uint64_t message;
	ssize_t len;

	while ((len = read(side->in, &message, sizeof(message))) < 0 && errno == EINTR)
		;
	return len == sizeof(message) ? message : 0;
}

void target_say(struct target *target, uint64_t message)
{
	if (write(target->to_target, &message, sizeof(message)) != sizeof(message))
		tap_bail_out("cannot talk to the target: %m");
}

bool target_hear(struct target *target, int limit_ms, uint64_t *ret_message)
{
	struct pollfd pollfd = { .fd = target->from_target, .events = POLLIN };
	int64_t end_us = test_now_us() + (int64_t)limit_ms * 1000 * test_slowness();
	int ready;

	do {
		int64_t left_us = end_us - test_now_us();

		ready = poll(&pollfd, 1, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);
	} while (ready < 0 && errno == EINTR);
	return ready == 1 &&
	       read(target->from_target, ret_message, sizeof(*ret_message)) == sizeof(*ret_message);
}

static void read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	auto_close int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = '\0';
}

/* There is no event for "has fallen asleep": look every 0.1 ms. */
static void look_again_until(int64_t end_us, const char *what, pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	if (test_now_us() > end_us)
		tap_bail_out("target %d: %s does not happen", pid, what);
	nanosleep(&pause, NULL);
}

void target_wait_in_syscall(pid_t pid, long nr)
{
	int64_t end_us = test_now_us() + EVENT_LIMIT_US * test_slowness();
	char text[256];

	for (;;) {
		read_file(pid, "syscall", text, sizeof(text));
		if (text[0] >= '0' && text[0] <= '9' && target_state(pid) == 'S' &&
		    (atol(text) == nr || atol(text) == SYS_restart_syscall))
			return;
		look_again_until(end_us, "the system call", pid);
	}
}

char target_state(pid_t pid)
{
	char text[512];
	const char *name_end;

	read_file(pid, "stat", text, sizeof(text));
	name_end = strrchr(text, ')');
	return name_end ? name_end[2] : '\0';
}

void target_wait_state(pid_t pid, char state)
{
	int64_t end_us = test_now_us() + EVENT_LIMIT_US * test_slowness();

	while (target_state(pid) != state)
		look_again_until(end_us, "the state", pid);
}

static void append(char snapshot[SNAPSHOT_BYTES], const char *format, ...)
{
	size_t len = strlen(snapshot);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(snapshot + len, SNAPSHOT_BYTES - len, format, arguments);
	va_end(arguments);
}

static void append_descriptors(pid_t pid, char snapshot[SNAPSHOT_BYTES])
{
	char path[64], link[128];
	auto_closedir DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (len < 0)
			continue;
		link[len] = '\0';
		append(snapshot, "fd %s %s\n", entry->d_name, link);
	}
}

/* Sets that end with a newline; SigPnd and ShdPnd too: nothing may be left pending. */
static void append_status(pid_t pid, char snapshot[SNAPSHOT_BYTES])
{
	static const char *const fields[] = { "TracerPid:", "SigPnd:", "ShdPnd:", "SigBlk:",
					      "SigIgn:",    "SigCgt:", "Seccomp:" };
	char text[4096];

	read_file(pid, "status", text, sizeof(text));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *found = strstr(text, fields[i]);

		if (found)
			append(snapshot, "%.*s\n", (int)strcspn(found, "\n"), found);
	}
}

void target_snapshot(pid_t pid, char snapshot[SNAPSHOT_BYTES])
{
	snapshot[0] = '\0';
	append_descriptors(pid, snapshot);
	append_status(pid, snapshot);
}

static bool is_userfaultfd(int fd)
{
	char path[32], link[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link) - 1);
	link[len > 0 ? len : 0] = '\0';
	return !strcmp(link, "anon_inode:[userfaultfd]") && fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

void target_inject_only(pid_t pid, int times)
{
	while (times--) {
		int fd = -1;
		int error = inject_userfaultfd(pid, TEST_USERFAULTFD_FLAGS, &fd);

		if (error)
			tap_bail_out("injection into %d: %s (%d)", pid, inject_strerror(error),
				     error);
		if (!is_userfaultfd(fd))
			tap_bail_out("descriptor %d is no close-on-exec userfaultfd", fd);
		close(fd);
	}
}

void target_inject(struct target *target, int times, const char *what)
{
	char before[SNAPSHOT_BYTES], after[SNAPSHOT_BYTES];

	target_snapshot(target->pid, before);
	target_inject_only(target->pid, times);
	/* A call with a mask of its own installs that again when it goes on. */
	for (int i = 0; i < SETTLE_TRIES; i++) {
		target_snapshot(target->pid, after);
		if (!strcmp(before, after))
			break;
		usleep(SETTLE_US);
	}
	if (!tap_ok(!strcmp(before, after), "%s: looks as before after %d injections", what, times))
		tap_note("before:\n%s\nafter:\n%s", before, after);
}
