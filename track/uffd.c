// SPDX-License-Identifier: GPL-2.0-only
#include "track/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "track/pagemap-abi.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

int track_uffd_flags(void)
{
	return O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY;
}

int track_uffd_init(int uffd)
{
	/* WP_ASYNC implies WP_UNPOPULATED in the kernel; nothing else is asked for. In particular
	 * no UFFD_FEATURE_EVENT_*: the task's fork and munmap would block until somebody reads. */
	struct uffdio_api api = { .api = UFFD_API, .features = TRACK_UFFD_FEATURE_WP_ASYNC };

	if (!ioctl(uffd, UFFDIO_API, &api))
		return 0;
	return errno == EINVAL ? -EOPNOTSUPP : -errno;
}

/*
 * UFFDIO_REGISTER says ENOMEM for memory that is gone; UFFDIO_WRITEPROTECT tells the truth. It is
 * asked to unprotect the lowest page, normally not mapped: at worst one page becomes dirty.
 */
static bool memory_is_gone(int uffd)
{
	uint64_t page_size = sysconf(_SC_PAGESIZE);
	struct uffdio_writeprotect unprotect = { .range = { .start = page_size,
							    .len = page_size } };

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &unprotect) && errno == ESRCH;
}

int track_uffd_register(int uffd, uint64_t start, uint64_t end)
{
	struct uffdio_register reg = {
		.range = { .start = start, .len = end - start },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	if (!ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 0;
	if (errno == ENOMEM && memory_is_gone(uffd))
		return -ESRCH;
	return -errno;
}
