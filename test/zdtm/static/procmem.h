/* SPDX-License-Identifier: GPL-2.0-only */
/* For helper_start(): a page that is written through /proc/PID/mem. */
#ifndef ZDTM_PROCMEM_H
#define ZDTM_PROCMEM_H

#include "helper.h"

static inline int procmem_put(const struct helper_request *request, const void *bytes)
{
	char path[64];
	ssize_t written;
	int fd;

	ssprintf(path, "/proc/%d/mem", request->pid);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	written = pwrite(fd, bytes, request->bytes, (off_t)(uintptr_t)request->start);
	close(fd);
	return written < 0 ? -1 : 0;
}

#endif
