// SPDX-License-Identifier: GPL-2.0-only
/* System calls with a timeout take just the time asked for, however often they are interrupted. */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

/* Both times the machine's slowness. */
#define SLEEP_US 1200000
/* A machine under load wakes late; a sleep begun anew after 0.4 s is later still. */
#define LATE_LIMIT_US 350000

static uint64_t sleep_us, late_limit_us;
static struct timespec sleep_time;

static long do_nanosleep(void)
{
	return nanosleep(&sleep_time, NULL) ? -errno : 0;
}

static long do_clock_nanosleep(void)
{
	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &sleep_time, NULL);
}

static long do_clock_nanosleep_absolute(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += sleep_time.tv_sec;
	until.tv_nsec += sleep_time.tv_nsec;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static long do_futex(void)
{
	static uint32_t word;

	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &sleep_time, NULL, 0) ? -errno : 0;
}

static long do_poll(void)
{
	return poll(NULL, 0, (int)(sleep_us / 1000)) < 0 ? -errno : 0;
}

static long do_ppoll(void)
{
	sigset_t none;

	sigemptyset(&none);
	return ppoll(NULL, 0, &sleep_time, &none) < 0 ? -errno : 0;
}

static long do_select(void)
{
	struct timeval time = { .tv_sec = sleep_time.tv_sec, .tv_usec = sleep_time.tv_nsec / 1000 };

	return select(0, NULL, NULL, NULL, &time) < 0 ? -errno : 0;
}

static const struct sleeper {
	const char *name;
	long (*run)(void);
	long expected;
} sleepers[] = {
	{ "nanosleep", do_nanosleep, 0 },
	{ "clock_nanosleep", do_clock_nanosleep, 0 },
	{ "clock_nanosleep, absolute", do_clock_nanosleep_absolute, 0 },
	{ "futex with a timeout", do_futex, -ETIMEDOUT },
	{ "poll", do_poll, 0 },
	{ "ppoll", do_ppoll, 0 },
	{ "select", do_select, 0 },
};

#define SLEEPER_COUNT (sizeof(sleepers) / sizeof(sleepers[0]))

static void sleep_once(struct target_side *side)
{
	const struct sleeper *sleeper = side->argument;
	int64_t start_us;
	long result;

	side_say(side, 1);
	start_us = test_now_us();
	result = sleeper->run();
	side_say(side, (uint64_t)(test_now_us() - start_us));
	side_say(side, (uint64_t)result);
	side_hear(side);
}

static void check_sleeper(struct target *target, const struct sleeper *sleeper, int injections)
{
	uint64_t elapsed_us, result;

	if (!tap_ok(target_hear(target, 5000, &elapsed_us) && target_hear(target, 5000, &result),
		    "%s returns", sleeper->name))
		return;
	tap_ok((long)result == sleeper->expected, "%s returns %ld (%ld)", sleeper->name,
	       sleeper->expected, (long)result);
	tap_ok(elapsed_us >= sleep_us && elapsed_us < sleep_us + late_limit_us,
	       "%s took %ju us of %ju, interrupted %d times", sleeper->name, (uintmax_t)elapsed_us,
	       (uintmax_t)sleep_us, injections);
}

static void set_times(void)
{
	sleep_us = (uint64_t)SLEEP_US * test_slowness();
	late_limit_us = (uint64_t)LATE_LIMIT_US * test_slowness();
	sleep_time.tv_sec = (time_t)(sleep_us / 1000000);
	sleep_time.tv_nsec = (long)(sleep_us % 1000000) * 1000;
}

int main(void)
{
	struct target targets[SLEEPER_COUNT];
	int injections = 0;
	int64_t start_us;
	uint64_t message;

	test_limit_seconds(20);
	set_times();
	for (size_t i = 0; i < SLEEPER_COUNT; i++)
		target_start(&targets[i], sleep_once, &sleepers[i]);
	for (size_t i = 0; i < SLEEPER_COUNT; i++)
		if (!target_hear(&targets[i], 5000, &message))
			tap_bail_out("no target");
	start_us = test_now_us();
	while (test_now_us() - start_us < (int64_t)sleep_us * 3 / 4) {
		const struct timespec pause = { .tv_nsec = 2000000 };

		for (size_t i = 0; i < SLEEPER_COUNT; i++)
			target_inject_only(targets[i].pid, 1);
		injections++;
		nanosleep(&pause, NULL);
	}
	tap_ok(injections > 10, "interrupted often enough to tell (%d times)", injections);
	for (size_t i = 0; i < SLEEPER_COUNT; i++) {
		check_sleeper(&targets[i], &sleepers[i], injections);
		target_end(&targets[i]);
	}
	return tap_finish();
}
