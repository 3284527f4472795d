// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/status as it is, and as it is of a process that ends while it is read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/process.h"

static int parse(const char *text, struct process_info *ret_info)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret;

	assert_non_null(file);
	ret = process_parse_status(file, 70, ret_info);
	fclose(file);
	return ret;
}

static void test_in_a_namespace(void **state)
{
	struct process_info info;

	(void)state;
	assert_int_equal(
		parse("Name:\ta (b\nState:\tS (sleeping)\nTgid:\t70\nPPid:\t1\nTracerPid:\t0\n"
		      "NSpid:\t70\t12\t3\nVmSize:\t  44 kB\n",
		      &info),
		0);
	assert_int_equal(info.innermost_pid, 3);
	assert_true(info.has_memory);
	assert_false(info.kernel_thread);
}

static void test_reaped_meanwhile(void **state)
{
	struct process_info info;

	(void)state;
	assert_int_equal(parse("", &info), -ESRCH);
	assert_int_equal(
		parse("Name:\ta\nState:\tX (dead)\nTgid:\t0\nPPid:\t0\nTracerPid:\t0\nNSpid:\t0\n",
		      &info),
		-ESRCH);
	assert_int_equal(
		parse("Name:\ta\nState:\tZ (zombie)\nTgid:\t70\nPPid:\t1\nTracerPid:\t0\nNSpid:\t0\n",
		      &info),
		-ESRCH);
}

static void test_not_understood(void **state)
{
	struct process_info info;

	(void)state;
	assert_int_equal(parse("Tgid:\t70\nPPid:\t1\nNSpid:\t70\n", &info), -EBADMSG);
	assert_int_equal(parse("State:\tS\nTgid:\t-70\nPPid:\t1\nNSpid:\t70\n", &info), -EBADMSG);
}

static void test_ourselves(void **state)
{
	struct process_info info;

	(void)state;
	assert_int_equal(process_read(getpid(), &info), 0);
	assert_int_equal(info.tgid, getpid());
	assert_int_equal(info.parent, getppid());
	assert_false(process_has_ended(getpid()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_a_namespace),
		cmocka_unit_test(test_reaped_meanwhile),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
