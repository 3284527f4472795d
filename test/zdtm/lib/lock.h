/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Futexes and mutexes in memory that tasks may share, with the names that CRIU's zdtm tests use.
 * The value with the top bit set means that whoever waits shall give up.
 */
#ifndef ZDTM_LOCK_H
#define ZDTM_LOCK_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	uint32_t raw;
} futex_t;

typedef struct {
	uint32_t raw;
} mutex_t;

#define FUTEX_ABORT_FLAG (0x80000000)
#define FUTEX_ABORT_RAW  (-1U)

#define BUG_ON(condition)        \
	do {                     \
		if (condition)   \
			abort(); \
	} while (0)

static inline int sys_futex(uint32_t *address, int operation, uint32_t value,
			    const struct timespec *timeout, uint32_t *address2, uint32_t value3)
{
	return (int)syscall(SYS_futex, address, operation, value, timeout, address2, value3);
}

static inline uint32_t futex_get(futex_t *futex)
{
	return __atomic_load_n(&futex->raw, __ATOMIC_SEQ_CST);
}

static inline void futex_set(futex_t *futex, uint32_t value)
{
	__atomic_store_n(&futex->raw, value, __ATOMIC_SEQ_CST);
}

#define futex_init(futex) futex_set(futex, 0)

static inline void futex_inc(futex_t *futex)
{
	__atomic_add_fetch(&futex->raw, 1, __ATOMIC_SEQ_CST);
}

static inline void futex_dec(futex_t *futex)
{
	__atomic_sub_fetch(&futex->raw, 1, __ATOMIC_SEQ_CST);
}

static inline void futex_wake_all(futex_t *futex)
{
	BUG_ON(sys_futex(&futex->raw, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0);
}

static inline void futex_set_and_wake(futex_t *futex, uint32_t value)
{
	futex_set(futex, value);
	futex_wake_all(futex);
}

static inline void futex_add_and_wake(futex_t *futex, uint32_t value)
{
	__atomic_add_fetch(&futex->raw, value, __ATOMIC_SEQ_CST);
	futex_wake_all(futex);
}

static inline void futex_inc_and_wake(futex_t *futex)
{
	futex_inc(futex);
	futex_wake_all(futex);
}

static inline void futex_dec_and_wake(futex_t *futex)
{
	futex_dec(futex);
	futex_wake_all(futex);
}

static inline void futex_abort_and_wake(futex_t *futex)
{
	futex_set_and_wake(futex, FUTEX_ABORT_RAW);
}

/* Sleeps while the value is the one seen; interruptions and changes are for the caller to see. */
static inline void futex_sleep(futex_t *futex, uint32_t seen)
{
	BUG_ON(sys_futex(&futex->raw, FUTEX_WAIT, seen, NULL, NULL, 0) < 0 && errno != EAGAIN &&
	       errno != EINTR);
}

#define futex_wait_if_cond(futex, value, comparison)                                        \
	do {                                                                                \
		uint32_t futex_seen;                                                        \
		while (futex_seen = futex_get(futex),                                       \
		       !(futex_seen & FUTEX_ABORT_FLAG) && !(futex_seen comparison(value))) \
			futex_sleep(futex, futex_seen);                                     \
	} while (0)

static inline void futex_wait_until(futex_t *futex, uint32_t value)
{
	futex_wait_if_cond(futex, value, ==);
}

static inline void futex_wait_while_gt(futex_t *futex, uint32_t value)
{
	futex_wait_if_cond(futex, value, <=);
}

static inline void futex_wait_while_lt(futex_t *futex, uint32_t value)
{
	futex_wait_if_cond(futex, value, >=);
}

static inline uint32_t futex_wait_while(futex_t *futex, uint32_t value)
{
	while (futex_get(futex) == value)
		futex_sleep(futex, value);
	return futex_get(futex);
}

static inline void mutex_init(mutex_t *mutex)
{
	__atomic_store_n(&mutex->raw, 0, __ATOMIC_SEQ_CST);
}

/* 0 free, 1 taken, 2 taken and somebody waits. */
static inline void mutex_lock(mutex_t *mutex)
{
	uint32_t state = 0;

	if (__atomic_compare_exchange_n(&mutex->raw, &state, 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return;
	while (__atomic_exchange_n(&mutex->raw, 2, __ATOMIC_SEQ_CST))
		sys_futex(&mutex->raw, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static inline void mutex_unlock(mutex_t *mutex)
{
	if (__atomic_exchange_n(&mutex->raw, 0, __ATOMIC_SEQ_CST) == 2)
		sys_futex(&mutex->raw, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
