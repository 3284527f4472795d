// SPDX-License-Identifier: GPL-2.0-only
/* The configuration file: every key, and one clear line for everything that is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/common/config.h"
#include "keeper/client/keeper-client.h"

static char logged[1024];
static int nr_lines;

static void note_line(enum log_level level, const char *line)
{
	assert_int_equal(level, LOG_LEVEL_ERROR);
	snprintf(logged, sizeof(logged), "%s", line);
	nr_lines++;
}

static int parse(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret;

	assert_non_null(file);
	nr_lines = 0;
	log_set_callback(note_line);
	ret = cli_config_parse(file, "FILE");
	log_set_callback(NULL);
	fclose(file);
	return ret;
}

static void test_every_key(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n\n  tracker=off\nreal-criu = /opt/a b/criu\t# that\n"
			       "log-level =warn\nidle-limit = 90"),
			 0);
	assert_int_equal(nr_lines, 0);
	assert_string_equal(cli_config()->tracker, "off");
	assert_string_equal(cli_config()->real_criu, "/opt/a b/criu");
	assert_int_equal(cli_config()->log_level, LOG_LEVEL_WARN);
	assert_int_equal(cli_config()->idle_limit_s, 90);
	/* and where they count */
	assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
	assert_int_equal(keeper_get_idle_limit(), 90);
}

static void test_last_one_wins(void **state)
{
	(void)state;
	assert_int_equal(parse("idle-limit = 1\nidle-limit = 0\ntracker = auto\n"), 0);
	assert_int_equal(cli_config()->idle_limit_s, 0);
	assert_string_equal(cli_config()->tracker, "auto");
}

static void assert_one_line(const char *text, const char *beginning)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(nr_lines, 1);
	assert_memory_equal(logged, beginning, strlen(beginning));
	assert_null(strchr(logged, '\n'));
}

static void test_what_is_wrong_gives_one_line(void **state)
{
	static char too_long[PATH_MAX + 32];

	(void)state;
	assert_one_line("trackr = off\nnonsense\n", "FILE:1: there is no key 'trackr'");
	assert_one_line("\n= 3", "FILE:2: there is no key ''");
	assert_one_line("tracker", "FILE:1: 'tracker': key = value is wanted");
	assert_one_line("tracker =", "FILE:1: tracker '': auto, ");
	assert_one_line("tracker = uffd", "FILE:1: tracker 'uffd': auto, ");
	assert_one_line("log-level = verbose", "FILE:1: log-level 'verbose': error, ");
	assert_one_line("real-criu =", "FILE:1: real-criu '': the path of a program is wanted");
	snprintf(too_long, sizeof(too_long), "real-criu = %0*d", PATH_MAX, 0);
	assert_one_line(too_long, "FILE:1: real-criu '0000");
}

static void test_bad_numbers(void **state)
{
	static const char *const values[] = { "",   "-1",   "+1",      "1.5",
					      "1h", "0x10", "2000001", "99999999999999999999" };
	char text[64];

	(void)state;
	assert_int_equal(parse("idle-limit = 2000000"), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "idle-limit = %s", values[i]);
		assert_one_line(text, "FILE:1: idle-limit '");
	}
	assert_int_equal(cli_config()->idle_limit_s, 2000000);
}

static void test_bytes_that_are_no_text(void **state)
{
	static const char zeroes[] = "tracker = off\0garbage\nreal-criu = /x\xff\n";
	FILE *file = fmemopen((void *)zeroes, sizeof(zeroes) - 1, "r");

	(void)state;
	assert_non_null(file);
	assert_int_equal(cli_config_parse(file, "FILE"), 0);
	assert_string_equal(cli_config()->real_criu, "/x\xff");
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_last_one_wins),
		cmocka_unit_test(test_what_is_wrong_gives_one_line),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_bytes_that_are_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
