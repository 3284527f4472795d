// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes against kernels with known bugs: ioctl() is wrapped by the linker, and what
 * PAGEMAP_SCAN answers is changed into what a buggy kernel would have said.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "track/kind.h"
#include "track/pagemap-abi.h"

enum bug {
	BUG_NONE,
	BUG_ZAPPED_IS_CLEAN,   /* an absent page is not reported as written */
	BUG_MOVED_KEEPS_ARMED, /* so is one in a mapping that was moved and registered again */
	BUG_NEVER_WRITTEN,     /* no write is ever seen */
	BUG_ALWAYS_WRITTEN,    /* arming has no effect */
	BUG_NO_SCAN,           /* before 6.7 */
};

#define PROBED_PAGES 4

static enum bug bug;
static uint64_t first_scanned;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static uint64_t faked(const struct track_page_region *region)
{
	uint64_t categories = region->categories;
	bool present = categories & TRACK_PAGE_IS_PRESENT;
	uint64_t end = first_scanned + PROBED_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
	bool moved = region->start < first_scanned || region->start >= end;

	if (bug == BUG_NEVER_WRITTEN || (bug == BUG_ZAPPED_IS_CLEAN && !present) ||
	    (bug == BUG_MOVED_KEEPS_ARMED && moved))
		return categories & ~(uint64_t)TRACK_PAGE_IS_WRITTEN;
	return bug == BUG_ALWAYS_WRITTEN ? categories | TRACK_PAGE_IS_WRITTEN : categories;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct track_pm_scan_arg *scan = arg;
	struct track_page_region *regions;
	int nr;

	if (request != TRACK_PAGEMAP_SCAN)
		return __real_ioctl(fd, request, arg);
	if (bug == BUG_NO_SCAN) {
		errno = ENOTTY;
		return -1;
	}
	if (!first_scanned)
		first_scanned = scan->start;
	nr = __real_ioctl(fd, request, arg);
	regions = (void *)(uintptr_t)scan->vec;
	for (int i = 0; i < nr; i++)
		regions[i].categories = faked(&regions[i]);
	return nr;
}

static struct track_features probe_with(enum bug which)
{
	struct track_features features;

	bug = which;
	first_scanned = 0;
	assert_int_equal(track_probe(&features), 0);
	bug = BUG_NONE;
	features.soft_dirty = false; /* the answers below must not depend on the machine */
	return features;
}

static void test_sound_kernel(void **state)
{
	struct track_features features = probe_with(BUG_NONE);

	(void)state;
	assert_true(features.pagemap_scan && features.uffd_wp_async);
	if (features.moved_keeps_armed) /* this kernel is not sound */
		skip();
	assert_null(track_kind_refusal(&features, TRACK_KIND_UFFD_WP));
	assert_int_equal(track_kind_best(&features), TRACK_KIND_UFFD_WP);
}

static void test_zapped_is_clean(void **state)
{
	struct track_features features = probe_with(BUG_ZAPPED_IS_CLEAN);

	(void)state;
	assert_true(features.uffd_wp_async && features.zapped_is_clean);
	assert_int_equal(track_kind_best(&features), TRACK_KIND_UFFD_WP);
}

static void test_moved_keeps_armed(void **state)
{
	struct track_features features = probe_with(BUG_MOVED_KEEPS_ARMED);

	(void)state;
	assert_true(features.uffd_wp_async && features.moved_keeps_armed);
	assert_false(features.zapped_is_clean);
	assert_non_null(
		strstr(track_kind_refusal(&features, TRACK_KIND_UFFD_WP), "CVE-2025-21696"));
	assert_non_null(strstr(track_kind_refusal(&features, TRACK_KIND_NONE), "CVE-2025-21696"));
	assert_int_equal(track_kind_best(&features), TRACK_KIND_NONE);
	features.soft_dirty = true;
	assert_int_equal(track_kind_best(&features), TRACK_KIND_SOFT_DIRTY);
}

static void expect_no_uffd_wp(enum bug which, int error)
{
	struct track_features features = probe_with(which);

	assert_false(features.uffd_wp_async);
	assert_int_equal(features.uffd_error, error);
	assert_non_null(strstr(track_kind_refusal(&features, TRACK_KIND_UFFD_WP), "lacks"));
	assert_int_equal(track_kind_best(&features), TRACK_KIND_NONE);
}

static void test_writes_are_not_seen(void **state)
{
	(void)state;
	expect_no_uffd_wp(BUG_NEVER_WRITTEN, -EPROTO);
}

static void test_arming_has_no_effect(void **state)
{
	(void)state;
	expect_no_uffd_wp(BUG_ALWAYS_WRITTEN, -EPROTO);
}

static void test_no_scan(void **state)
{
	(void)state;
	expect_no_uffd_wp(BUG_NO_SCAN, -ENOTTY);
}

static void test_names(void **state)
{
	struct track_features features = { .uffd_wp_async = true };
	enum track_kind kind;

	(void)state;
	assert_int_equal(track_kind_by_name(&features, "auto", &kind), 0);
	assert_int_equal(kind, TRACK_KIND_UFFD_WP);
	for (enum track_kind each = TRACK_KIND_NONE; each <= TRACK_KIND_SOFT_DIRTY; each++) {
		assert_int_equal(track_kind_by_name(&features, track_kind_name(each), &kind), 0);
		assert_int_equal(kind, each);
	}
	assert_int_equal(track_kind_by_name(&features, "uffd", &kind), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_kernel),
		cmocka_unit_test(test_zapped_is_clean),
		cmocka_unit_test(test_moved_keeps_armed),
		cmocka_unit_test(test_writes_are_not_seen),
		cmocka_unit_test(test_arming_has_no_effect),
		cmocka_unit_test(test_no_scan),
		cmocka_unit_test(test_names),
	};
	struct track_features features;

	if (!track_probe(&features) && !features.uffd_wp_async) {
		printf("SKIP: no asynchronous userfaultfd write-protect: %s\n",
		       strerror(-features.uffd_error));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
