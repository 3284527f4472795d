// SPDX-License-Identifier: GPL-2.0-only
#include "track/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

static const struct {
	const char *link, *writer;
} writers[] = {
	{ "anon_inode:[io_uring]", "an open io_uring" },
	{ "/dev/infiniband/", "an open RDMA device" },
	{ "/dev/vfio/", "an open VFIO device" },
	{ "anon_inode:[vfio", "an open VFIO device" },
	{ "/dev/iommu", "an open IOMMU device" },
	{ "/dev/vhost-", "an open vhost device" },
	{ "/dev/nvidia", "an open GPU" },
	{ "/dev/sg", "an open SCSI generic device" },
	{ "/dev/video", "an open video device" },
};

/* The first one found is told: a descriptor says more than the count of pages. */
static void found(struct track_pins *pins, const char *writer)
{
	if (!pins->writer)
		pins->writer = writer;
}

void track_pins_parse_link(const char *link, struct track_pins *pins)
{
	if (!strcmp(link, "anon_inode:[userfaultfd]"))
		pins->userfaultfd = true;
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		/* Anywhere: in a chroot's /dev, too. */
		if (strstr(link, writers[i].link))
			found(pins, writers[i].writer);
}

static int look_at_descriptors(pid_t pid, pid_t tid, struct track_pins *pins)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd", pid, tid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (errno = 0, (entry = readdir(dir))) {
		char link[PATH_MAX];
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (len < 0) /* "." and "..", or closed meanwhile */
			continue;
		link[len] = 0;
		track_pins_parse_link(link, pins);
	}
	return -errno;
}

void track_pins_parse_status(FILE *text, struct track_pins *pins)
{
	unsigned long pinned_kib;
	char line[256];

	while (fgets(line, sizeof(line), text))
		if (sscanf(line, "VmPin: %lu", &pinned_kib) == 1 && pinned_kib)
			found(pins, "memory pinned for I/O (VmPin)");
}

/* Threads may have descriptors of their own (unshare(CLONE_FILES)). */
static int look_at_threads(pid_t pid, struct track_pins *pins)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	char path[64];
	int ret = look_at_descriptors(pid, pid, pins);

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = ret ? NULL : opendir(path);
	if (!dir)
		return ret ? ret : errno == ENOENT ? -ESRCH : -errno;
	while (!ret && (errno = 0, (entry = readdir(dir)))) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || tid == pid || !syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0))
			continue;
		ret = look_at_descriptors(pid, tid, pins);
		if (ret == -ESRCH) /* a thread that ended has none */
			ret = 0;
	}
	return ret ? ret : -errno;
}

static int look_at_status(pid_t pid, struct track_pins *pins)
{
	auto_fclose FILE *status = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (!status)
		return errno == ENOENT ? -ESRCH : -errno;
	track_pins_parse_status(status, pins);
	return 0;
}

bool track_pins_parse_protocols(FILE *text)
{
	char line[256];
	long sockets;

	/* Anything but a plain 0 counts: only that is proof. */
	while (fgets(line, sizeof(line), text))
		if (sscanf(line, "XDP %*d %ld", &sockets) == 1)
			return sockets != 0;
	return false;
}

/*
 * Links do not tell AF_XDP sockets apart; the kernel counts them per network namespace. It may
 * have no such file, when it has no network or the task has just ended.
 */
static int look_at_protocols(pid_t pid, struct track_pins *pins)
{
	auto_fclose FILE *protocols = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/net/protocols", pid);
	protocols = fopen(path, "re");
	if (!protocols)
		return errno == ENOENT ? 0 : -errno;
	if (track_pins_parse_protocols(protocols))
		found(pins, "an AF_XDP socket in its network namespace");
	return 0;
}

int track_pins_read(pid_t pid, struct track_pins *ret_pins)
{
	struct track_pins pins = { 0 };
	int ret = look_at_threads(pid, &pins);

	if (!ret)
		ret = look_at_status(pid, &pins);
	if (!ret && !pins.writer)
		ret = look_at_protocols(pid, &pins);
	if (ret)
		return ret;
	*ret_pins = pins;
	return 0;
}
