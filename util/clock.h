/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LAZY_WP_UTIL_CLOCK_H
#define LAZY_WP_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds of a clock that always exists (man 2 clock_gettime). */
static inline uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif
