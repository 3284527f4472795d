// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

static unsigned int tests, failures, skipped;

bool tap_ok(bool ok, const char *format, ...)
{
	va_list arguments;

	tests++;
	failures += !ok;
	printf("%sok %u - ", ok ? "" : "not ", tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	return ok;
}

void tap_skip(const char *what, const char *reason)
{
	tests++;
	skipped++;
	printf("ok %u - %s # SKIP %s\n", tests, what, reason);
	fflush(stdout);
}

void tap_note(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

void tap_bail_out(const char *format, ...)
{
	va_list arguments;

	printf("Bail out! ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	exit(1);
}

int tap_finish(void)
{
	printf("1..%u\n", tests);
	if (tests && skipped == tests)
		return TEST_SKIPPED;
	return failures || !tests ? 1 : 0;
}

unsigned int test_slowness(void)
{
	const char *text = getenv("LAZY_WP_TEST_SLOWNESS");
	int slowness = text ? atoi(text) : 1;

	return slowness > 0 ? (unsigned int)slowness : 1;
}

static void on_limit(int signal)
{
	(void)signal;
	tap_bail_out("took too long");
}

/* Through exit(), so that what a test has to clean up is. */
void test_limit_seconds(unsigned int seconds)
{
	signal(SIGALRM, on_limit);
	alarm(seconds * test_slowness());
}

int64_t test_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
