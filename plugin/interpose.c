// SPDX-License-Identifier: GPL-2.0-only
/*
 * The libc calls by which CRIU reaches the tracker and its cache, each passed on unless it is
 * about /proc/PID/pagemap, /proc/PID/clear_refs, CRIU's kdat cache, the start of the freeze, or
 * requests and answers of a CRIU that serves them.
 *
 * Which descriptor is a pagemap is noted when it is opened by name and proven by its link each
 * time it is used: CRIU may close it by ways that we do not see, and reuse the number.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fault.h"

#define EXPORT __attribute__((visibility("default")))

/* The libc function behind ours, looked up once. It cannot be missing: CRIU links against it. */
#define NEXT(name)                                       \
	({                                               \
		static __typeof__(name) *next_;          \
		if (!next_)                              \
			next_ = dlsym(RTLD_NEXT, #name); \
		next_;                                   \
	})

enum noted { NOTHING, TRACKER_FILE, SMAPS };

/* Descriptors above this are looked at by their link each time. */
#define NOTED_MAX 65536
static unsigned char noted[NOTED_MAX];

static void note(int fd, enum noted what)
{
	if (fd >= 0 && fd < NOTED_MAX)
		noted[fd] = what;
}

static bool is_noted(int fd)
{
	return fd >= NOTED_MAX || (fd >= 0 && noted[fd] == TRACKER_FILE);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static enum noted what_is(const char *path)
{
	const char *name = last_component(path);

	if (!strcmp(name, "smaps"))
		return SMAPS;
	return !strcmp(name, "pagemap") || !strcmp(name, "clear_refs") ? TRACKER_FILE : NOTHING;
}

/* The pid if fd is /proc/PID/NAME, else 0. Detached mounts of proc show as /PID/NAME. */
static pid_t proc_file_pid(int fd, const char *name)
{
	char link[64], path[PATH_MAX], *last;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return 0;
	path[len] = 0;
	last = strrchr(path, '/');
	if (!last || strcmp(last + 1, name))
		return 0;
	*last = 0;
	return atoi(last_component(path));
}

/*
 * CRIU keeps what it found out about the kernel in criu.kdat, and our answer must never get into
 * the file that a plain CRIU reads, nor its answer to us: with us there is no such file.
 */
static int kdat_error(const char *path, int flags)
{
	const char *name = last_component(path);

	if (!plugin_is_active() || (strcmp(name, "criu.kdat") && strcmp(name, "criu.kdat.tmp")))
		return 0;
	return flags & O_CREAT ? EROFS : ENOENT;
}

/* With --freeze-cgroup the freeze begins with the freezer's file, not with a task. */
static int freezer_error(const char *path)
{
	const char *name = last_component(path);

	if (!plugin_is_active() || (strcmp(name, "freezer.state") && strcmp(name, "cgroup.freeze")))
		return 0;
	return -plugin_before_freeze();
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

static int opened(int fd, const char *path)
{
	if (plugin_is_active())
		note(fd, what_is(path));
	return fd;
}

#define DEFINE_OPEN(name)                                                   \
	EXPORT int name(const char *path, int flags, ...)                   \
	{                                                                   \
		int error = kdat_error(path, flags) ?: freezer_error(path); \
		va_list args;                                               \
		mode_t mode;                                                \
                                                                            \
		va_start(args, flags);                                      \
		mode = mode_of(flags, args);                                \
		va_end(args);                                               \
		if (error) {                                                \
			errno = error;                                      \
			return -1;                                          \
		}                                                           \
		return opened(NEXT(name)(path, flags, mode), path);         \
	}

/* CRIU creates this image when all others of a dump are complete. */
static int inventory_error(const char *path, int flags)
{
	if (!plugin_is_active() || !(flags & O_CREAT) || strcmp(path, "inventory.img"))
		return 0;
	return -plugin_before_inventory();
}

/*
 * CRIU opens clear_refs to read and write it, but only root may open it to read (mode 0200), and
 * all that CRIU does is write.
 */
static int flags_for(const char *path, int flags)
{
	if (!plugin_is_active() || (flags & O_ACCMODE) != O_RDWR ||
	    strcmp(last_component(path), "clear_refs"))
		return flags;
	return (flags & ~O_ACCMODE) | O_WRONLY;
}

#define DEFINE_OPENAT(name)                                              \
	EXPORT int name(int dir, const char *path, int flags, ...)       \
	{                                                                \
		int error = inventory_error(path, flags);                \
		va_list args;                                            \
		mode_t mode;                                             \
                                                                         \
		va_start(args, flags);                                   \
		mode = mode_of(flags, args);                             \
		va_end(args);                                            \
		if (error) {                                             \
			errno = error;                                   \
			return -1;                                       \
		}                                                        \
		flags = flags_for(path, flags);                          \
		return opened(NEXT(name)(dir, path, flags, mode), path); \
	}

/* With _FILE_OFFSET_BITS=64 our own open() is open64(): the headers must not redirect here. */
#undef open
#undef openat
#undef open64
#undef openat64
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat64)

/* The names that a C library's fortified headers call instead. */
int __open64_2(const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
ssize_t __read_chk(int fd, void *buffer, size_t count, size_t buffer_size);
ssize_t __pread64_chk(int fd, void *buffer, size_t count, off64_t offset, size_t buffer_size);
ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t buffer_size, int flags);

EXPORT int __open64_2(const char *path, int flags)
{
	return open64(path, flags);
}

EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	return openat64(dir, path, flags);
}

/* What we ask while we answer is for the kernel. */
static bool answering;

static void answer_read(int fd, void *buffer, ssize_t got, off_t offset)
{
	pid_t pid = got > 0 && offset >= 0 ? proc_file_pid(fd, "pagemap") : 0;

	if (!pid || (plugin_uses_soft_dirty() && pid == getpid()))
		return;
	answering = true;
	plugin_answer_entries(fd, buffer, got / sizeof(uint64_t), offset, plugin_take(pid));
	answering = false;
}

EXPORT ssize_t pread64(int fd, void *buffer, size_t count, off64_t offset)
{
	ssize_t got = NEXT(pread64)(fd, buffer, count, offset);

	if (plugin_is_active() && is_noted(fd))
		answer_read(fd, buffer, got, offset);
	return got;
}

/*
 * To write a mapping's lines the kernel looks at each of its pages, and when a page of text is
 * full before the reader has enough, it throws the last mapping's lines away and looks once more
 * (fs/seq_file.c). With the 4 KiB that CRIU asks for that is every fourth or fifth mapping, and the
 * only large one of a database as likely as any.
 */
#define SMAPS_AT_ONCE 2048

static ssize_t read_smaps(int fd, void *buffer, size_t count)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	ssize_t got = NEXT(read)(fd, buffer, count < SMAPS_AT_ONCE ? count : SMAPS_AT_ONCE);

	plugin_note_smaps(clock_us(CLOCK_MONOTONIC) - start);
	return got;
}

EXPORT ssize_t read(int fd, void *buffer, size_t count)
{
	bool smaps = plugin_is_active() && fd >= 0 && fd < NOTED_MAX && noted[fd] == SMAPS;
	ssize_t got;

	if (smaps && proc_file_pid(fd, "smaps"))
		return read_smaps(fd, buffer, count);
	got = NEXT(read)(fd, buffer, count);
	if (plugin_is_active() && is_noted(fd) && got > 0)
		answer_read(fd, buffer, got, lseek(fd, 0, SEEK_CUR) - got);
	return got;
}

EXPORT ssize_t __pread64_chk(int fd, void *buffer, size_t count, off64_t offset, size_t buffer_size)
{
	if (count > buffer_size)
		abort();
	return pread64(fd, buffer, count, offset);
}

EXPORT ssize_t __read_chk(int fd, void *buffer, size_t count, size_t buffer_size)
{
	if (count > buffer_size)
		abort();
	return read(fd, buffer, count);
}

EXPORT ssize_t recv(int fd, void *buffer, size_t count, int flags)
{
	ssize_t got = NEXT(recv)(fd, buffer, count, flags);

	if (got > 0 && (size_t)got <= count && !(flags & MSG_PEEK))
		plugin_received(fd, buffer, got);
	return got;
}

EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t buffer_size, int flags)
{
	if (count > buffer_size)
		abort();
	return recv(fd, buffer, count, flags);
}

/*
 * Resetting soft-dirty has been done already, atomically, when the pages were taken. CRIU does it
 * last for each task, so also for a task whose memory it never asked about: nothing is armed there.
 * Where the kernel's soft-dirty itself is the tracker this is the reset, and it must not happen to
 * such a task either, nor to one that can be written unseen: what is not reset stays dirty.
 */
static pid_t task_to_reset(int fd, const void *buffer, size_t count)
{
	pid_t pid = 0;

	if (is_noted(fd) && count && *(const char *)buffer == '4')
		pid = proc_file_pid(fd, "clear_refs");
	if (pid && pid != getpid()) /* CRIU's probe */
		fault_point("reset");
	return pid;
}

EXPORT ssize_t write(int fd, const void *buffer, size_t count)
{
	auto_free uint8_t *other = NULL;
	size_t other_size;
	pid_t reset;

	if (!plugin_is_active())
		return NEXT(write)(fd, buffer, count);
	reset = task_to_reset(fd, buffer, count);
	if (reset && !plugin_may_reset(reset))
		return count;
	other_size = plugin_before_answer(fd, buffer, count, &other);
	if (!other_size)
		return NEXT(write)(fd, buffer, count);
	return NEXT(write)(fd, other, other_size) < 0 ? -1 : (ssize_t)count;
}

EXPORT ssize_t send(int fd, const void *buffer, size_t count, int flags)
{
	struct session *session = plugin_is_active() ? plugin_remote_session() : NULL;
	int ret = session ? plugin_before_send(session, fd, buffer, count) : 0;

	if (ret) {
		errno = -ret;
		return -1;
	}
	return NEXT(send)(fd, buffer, count, flags);
}

static int scan_pagemap(int fd, struct track_pm_scan_arg *scan)
{
	pid_t pid = proc_file_pid(fd, "pagemap");
	int result;

	if (plugin_uses_soft_dirty() && pid == getpid())
		return NEXT(ioctl)(fd, TRACK_PAGEMAP_SCAN, scan);
	answering = true;
	result = plugin_answer_scan(fd, scan, pid ? plugin_take(pid) : NULL);
	answering = false;
	return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == TRACK_PAGEMAP_SCAN && plugin_is_active() && !answering &&
	    plugin_answers_scan(arg))
		return scan_pagemap(fd, arg);
	return NEXT(ioctl)(fd, request, arg);
}

/* Without a freezer, seizing the tree's root is the start of the freeze. */
EXPORT long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	pid_t pid;
	void *addr, *data;
	long result;
	int ret;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);
	if (request == PTRACE_SEIZE && plugin_is_active()) {
		ret = plugin_before_stop(pid);
		if (ret) {
			errno = -ret;
			return -1;
		}
	}
	result = NEXT(ptrace)(request, pid, addr, data);
	if (request == PTRACE_SEIZE && plugin_is_active())
		fault_point("seize-after");
	return result;
}
