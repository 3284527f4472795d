/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cleanup attributes: the variable's resource is released when its scope ends.
 * take_fd() and take_ptr() hand the resource over and disarm the cleanup.
 * All of them keep errno, so that a failing path can still report it.
 */
#ifndef LAZY_WP_UTIL_CLEANUP_H
#define LAZY_WP_UTIL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void util_close_cleanup(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void util_free_cleanup(void *ptr)
{
	int saved = errno;

	free(*(void **)ptr);
	errno = saved;
}

static inline void util_fclose_cleanup(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

static inline void util_closedir_cleanup(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}

#define auto_close    __attribute__((cleanup(util_close_cleanup)))
#define auto_free     __attribute__((cleanup(util_free_cleanup)))
#define auto_fclose   __attribute__((cleanup(util_fclose_cleanup)))
#define auto_closedir __attribute__((cleanup(util_closedir_cleanup)))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(ptr)                           \
	({                                      \
		__typeof__(ptr) taken_ = (ptr); \
		(ptr) = NULL;                   \
		taken_;                         \
	})

#endif
