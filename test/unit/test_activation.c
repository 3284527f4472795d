// SPDX-License-Identifier: GPL-2.0-only
/* What the launcher puts into the environment, the plugin takes out again, and nothing is left. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/client/keeper-client.h"
#include "session/activation.h"
#include "util/log.h"

#define PLUGIN   "/usr/lib/criu-lazy-wp/lazy_wp_plugin.so"
#define VARIABLE "LAZY_WP_PLUGIN"

static int clean_environment(void **state)
{
	(void)state;
	return unsetenv("LD_PRELOAD") || unsetenv(VARIABLE);
}

static const struct session_activation dump = { .what = "dump",
						.root = 4711,
						.tracker = TRACK_KIND_SOFT_DIRTY,
						.keeper = "/usr/sbin/lazy-wpd" };

static void test_round_trip(void **state)
{
	struct session_activation found = { 0 };

	(void)state;
	assert_int_equal(session_activation_export(&dump, PLUGIN), 0);
	assert_string_equal(getenv("LD_PRELOAD"), PLUGIN);
	assert_true(session_activation_import(&found));
	assert_string_equal(found.what, "dump");
	assert_int_equal(found.root, 4711);
	assert_int_equal(found.tracker, TRACK_KIND_SOFT_DIRTY);
	assert_string_equal(found.keeper, "/usr/sbin/lazy-wpd");
	assert_null(getenv("LD_PRELOAD"));
	assert_null(getenv(VARIABLE));
	assert_false(session_activation_import(&found)); /* only once */
}

static void test_limits_come_with_it(void **state)
{
	struct session_activation found;

	(void)state;
	log_set_level(LOG_LEVEL_WARN);
	keeper_set_idle_limit(90);
	assert_int_equal(session_activation_export(&dump, PLUGIN), 0);
	log_set_level(LOG_LEVEL_DEBUG);
	keeper_set_idle_limit(0);
	assert_true(session_activation_import(&found));
	assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
	assert_int_equal(keeper_get_idle_limit(), 90);
	log_set_level(LOG_LEVEL_DEBUG);
}

static void test_probe_has_no_iteration(void **state)
{
	const struct session_activation probe = { .keeper = "/a keeper: in a path with spaces" };
	struct session_activation found = { .what = "stale", .root = 1 };

	(void)state;
	assert_int_equal(session_activation_export(&probe, PLUGIN), 0);
	assert_true(session_activation_import(&found));
	assert_null(found.what);
	assert_int_equal(found.root, 0);
	assert_string_equal(found.keeper, probe.keeper);
}

static void assert_preload_survives(const char *users)
{
	struct session_activation found;

	assert_int_equal(setenv("LD_PRELOAD", users, 1), 0);
	assert_int_equal(session_activation_export(&dump, PLUGIN), 0);
	assert_memory_equal(getenv("LD_PRELOAD"), PLUGIN ":", sizeof(PLUGIN));
	assert_string_equal(getenv("LD_PRELOAD") + sizeof(PLUGIN), users);
	assert_true(session_activation_import(&found));
	assert_string_equal(getenv("LD_PRELOAD"), users);
}

static void test_users_preload_is_kept(void **state)
{
	(void)state;
	assert_preload_survives("/lib/libusers.so");
	assert_preload_survives("/lib/liba.so:/lib/libb.so");
	assert_preload_survives("/lib/liba.so /lib/libb.so");
	assert_preload_survives("");
}

static void assert_refused(const struct session_activation *activation, const char *plugin)
{
	assert_int_equal(session_activation_export(activation, plugin), -EINVAL);
	assert_null(getenv("LD_PRELOAD"));
	assert_null(getenv(VARIABLE));
}

static void test_paths_that_cannot_work_are_refused(void **state)
{
	static char longest[PATH_MAX + 1];
	struct session_activation too_long = dump;

	(void)state;
	assert_refused(&dump, "/opt/a:b/lazy_wp_plugin.so");
	assert_refused(&dump, "/opt/a b/lazy_wp_plugin.so");
	memset(longest, 'x', PATH_MAX);
	too_long.keeper = longest;
	assert_refused(&too_long, PLUGIN);
}

static void test_longest_keeper_path_is_not_cut(void **state)
{
	static char longest[PATH_MAX];
	struct session_activation activation = dump, found;

	(void)state;
	memset(longest, 'x', PATH_MAX - 1);
	activation.keeper = longest;
	assert_int_equal(session_activation_export(&activation, PLUGIN), 0);
	assert_true(session_activation_import(&found));
	assert_string_equal(found.keeper, longest);
}

static void test_without_variable_nothing_changes(void **state)
{
	struct session_activation found = { .what = "untouched", .root = 7 };

	(void)state;
	assert_int_equal(setenv("LD_PRELOAD", "/lib/libusers.so", 1), 0);
	assert_false(session_activation_import(&found));
	assert_string_equal(getenv("LD_PRELOAD"), "/lib/libusers.so");
	assert_string_equal(found.what, "untouched");
	assert_int_equal(found.root, 7);
}

static void test_nonsense_in_variable_is_refused(void **state)
{
	static const char *const values[] = { "", "dump", "dump x 3 60 /usr/sbin/lazy-wpd",
					      "dump 1 3 /usr/sbin/lazy-wpd", "dump 1 3 60" };
	struct session_activation found = { .root = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(setenv(VARIABLE, values[i], 1), 0);
		assert_false(session_activation_import(&found));
		assert_int_equal(found.root, 7);
	}
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, clean_environment, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_round_trip),
		CASE(test_limits_come_with_it),
		CASE(test_probe_has_no_iteration),
		CASE(test_users_preload_is_kept),
		CASE(test_paths_that_cannot_work_are_refused),
		CASE(test_longest_keeper_path_is_not_cut),
		CASE(test_without_variable_nothing_changes),
		CASE(test_nonsense_in_variable_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
