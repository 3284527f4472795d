// SPDX-License-Identifier: GPL-2.0-only
/* verify's comparison of a child's memory with images of it. */
#include "test/unit/test_verify_child.h"

#include <errno.h>

#include "cli/verify-log.c"
#include "cli/verify-memory.c"
#include "cli/verify-pages.c"
#include "cli/verify-rseq.c"
#include "cli/verify.c"

struct found {
	size_t nr;
	uint64_t address[64];
	char what[160], tracking[160]; /* of the last one */
};

static void note(const struct verify_difference *difference, void *arg)
{
	struct found *found = arg;

	if (found->nr < 64)
		found->address[found->nr] = difference->address;
	found->nr++;
	snprintf(found->what, sizeof(found->what), "%s", difference->what);
	snprintf(found->tracking, sizeof(found->tracking), "%s", difference->tracking);
}

static struct verify_counts verify(const struct fixture *fixture, bool final, bool strict,
				   struct found *found)
{
	const struct verify_request request = {
		.dir = fixture->dir->fd,
		.final = final,
		.strict = strict,
		.report = note,
		.report_arg = found,
	};
	struct verify_counts counts = { 0 };
	struct image_error error = { "" };
	int ret;

	*found = (struct found){ 0 };
	ret = verify_task(&request, &fixture->task, &counts, &error);
	if (ret)
		fail_msg("%d: %s", ret, error.text);
	return counts;
}

/* Exactly one different page, at the given address, and a word of its description. */
static void expect_one(const struct fixture *fixture, const uint8_t *address, const char *word)
{
	struct found found;
	struct verify_counts counts = verify(fixture, true, false, &found);

	assert_int_equal(counts.different, 1);
	assert_int_equal(found.nr, 1);
	assert_int_equal(found.address[0], (uintptr_t)address);
	if (!strstr(found.what, word))
		fail_msg("'%s' is not in '%s'", word, found.what);
}

static void test_equal(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	dump(fixture);
	counts = verify(fixture, true, true, &found);
	assert_int_equal(counts.different, 0);
	assert_int_equal(counts.pending, 0);
	assert_int_equal(counts.left, 0);
	/* Every page in the image, and the four zero pages that are in none. */
	assert_int_equal(counts.equal, fixture->nr_pages + 4);
	assert_true(fixture->nr_pages > 8 + AREA_PAGES + 2);
	assert_true(counts.shared_mappings >= 1);
}

static void test_one_byte(void **state)
{
	struct fixture *fixture = *state;

	dump(fixture);
	poke(fixture, fixture->areas.plain + 5 * page_bytes + 77, 0x99);
	expect_one(fixture, fixture->areas.plain + 5 * page_bytes,
		   "1 bytes differ, the first at offset 77");
}

static void write_core(const struct fixture *fixture, uint64_t rseq)
{
	LwpRseq entry = LWP_RSEQ__INIT;
	LwpThreadCore thread = LWP_THREAD_CORE__INIT;
	LwpCore core = LWP_CORE__INIT;
	struct bytes bytes = { .len = 0 };
	char name[32];

	entry.rseq_abi_pointer = rseq;
	thread.rseq_entry = &entry;
	core.thread_core = &thread;
	add_number(&bytes, MAGIC_COMMON);
	add_number(&bytes, 0x55053847);
	add_message(&bytes, &core.base);
	snprintf(name, sizeof(name), "core-%u.img", fixture->task.innermost_pid);
	write_image(fixture->dir->fd, name, &bytes);
}

/* What the kernel itself writes when a thread changes the CPU does not count; its neighbours do. */
static void test_rseq(void **state)
{
	static const int kernels[] = { 0, 7, 20, 27 }, others[] = { -1, 8, 19, 28 };
	struct fixture *fixture = *state;
	uint8_t *rseq = fixture->areas.plain + 2 * page_bytes + 64;
	struct found found;

	dump(fixture);
	for (int i = 0; i < 4; i++)
		poke(fixture, rseq + kernels[i], 0x99);
	expect_one(fixture, fixture->areas.plain + 2 * page_bytes, "4 bytes differ");
	write_core(fixture, (uintptr_t)rseq);
	assert_int_equal(verify(fixture, true, true, &found).different, 0);
	for (int i = 0; i < 4; i++) {
		poke(fixture, rseq + others[i], 0x99);
		expect_one(fixture, fixture->areas.plain + 2 * page_bytes, "1 bytes differ");
		poke(fixture, rseq + others[i], 0x12); /* as the child filled page 2 */
	}
}

static void test_unreadable(void **state)
{
	struct fixture *fixture = *state;

	dump(fixture);
	poke(fixture, fixture->areas.unreadable + 15 * page_bytes + page_bytes - 1, 0x99);
	expect_one(fixture, fixture->areas.unreadable + 15 * page_bytes, "1 bytes differ");
}

static void test_absent_not_zero(void **state)
{
	struct fixture *fixture = *state;

	dump(fixture);
	poke(fixture, fixture->areas.plain + 14 * page_bytes + 1, 1);
	expect_one(fixture, fixture->areas.plain + 14 * page_bytes, "not zero");
}

static void test_absent_file_page(void **state)
{
	struct fixture *fixture = *state;

	dump(fixture);
	/* Copied, but as in the file: equal. */
	poke(fixture, fixture->areas.file + 9 * page_bytes, 'a' + 9);
	poke(fixture, fixture->areas.file + 10 * page_bytes + 1, '?');
	expect_one(fixture, fixture->areas.file + 10 * page_bytes, "not as in the file");
}

static void test_missing_in_parent(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	fixture->flags_of_unreadable = IMAGE_PAGES_IN_PARENT;
	dump(fixture);
	counts = verify(fixture, true, false, &found);
	assert_int_equal(counts.different, AREA_PAGES);
	assert_int_equal(found.address[0], (uintptr_t)fixture->areas.unreadable);
	assert_non_null(strstr(found.what, "restore fails"));
}

/* A pre-dump in read mode leaves out what is not readable; a dump does not. */
static void test_left_by_pre_dump(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	fixture->flags_of_unreadable = IMAGE_PAGES_LAZY; /* in the pagemap, but without bytes */
	dump(fixture);
	write_inventory(fixture, IMAGE_PRE_DUMP_READ);
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.different, 0);
	assert_int_equal(counts.left, AREA_PAGES);
	counts = verify(fixture, true, false, &found);
	assert_int_equal(counts.different, AREA_PAGES);
	counts = verify(fixture, false, true, &found);
	assert_int_equal(counts.different, AREA_PAGES);
	write_inventory(fixture, IMAGE_PRE_DUMP_SPLICE);
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.different, AREA_PAGES);
}

static void test_unknown_task(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	write_inventory(fixture, IMAGE_PRE_DUMP_SPLICE);
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.different, 0);
	assert_true(counts.left >= 8 + AREA_PAGES + 2);
	counts = verify(fixture, true, false, &found);
	assert_true(counts.different >= 8 + AREA_PAGES + 2);
}

static void test_corrupt_image(void **state)
{
	struct fixture *fixture = *state;
	const struct verify_request request = { .dir = fixture->dir->fd, .report = note };
	struct verify_counts counts = { 0 };
	struct image_error error = { "" };

	dump(fixture);
	write_file(fixture->dir->fd, "pages-1.img", "short", 5);
	assert_int_equal(verify_task(&request, &fixture->task, &counts, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "pages-1.img"));
}

static void write_log(const struct fixture *fixture, uint64_t start_time)
{
	struct image_dirty_log_mapping mapping = {
		.start = (uintptr_t)fixture->areas.plain,
		.end = (uintptr_t)fixture->areas.plain + AREA_PAGES * page_bytes,
		.perms = "rw-p",
		.tracking = IMAGE_TRACKED,
	};
	struct image_dirty_log_taken taken = { mapping.start, 4, IMAGE_TAKEN_WRITTEN };
	struct image_dirty_log log = {
		.header = { .sequence = 3,
			    .tracker = "uffd-wp",
			    .kernel_release = "test",
			    .pid = fixture->task.innermost_pid,
			    .start_time = start_time },
		.mappings = &mapping,
		.nr_mappings = 1,
		.taken = &taken,
		.nr_taken = 1,
	};

	assert_int_equal(image_dirty_log_write(fixture->dir->fd, fixture->task.innermost_pid, &log),
			 0);
}

static void arm(const struct fixture *fixture)
{
	auto_range_set struct range_set taken = { 0 };
	int pagemap = track_pagemap_open(fixture->task.pid);
	uint64_t plain = (uintptr_t)fixture->areas.plain, file = (uintptr_t)fixture->areas.file;

	assert_true(pagemap >= 0);
	assert_int_equal(track_take(pagemap, plain, plain + AREA_PAGES * page_bytes, &taken), 0);
	assert_int_equal(track_take(pagemap, file, file + AREA_PAGES * page_bytes, &taken), 0);
	assert_true(range_set_contains(&taken, plain, plain + 8 * page_bytes));
	assert_true(range_set_contains(&taken, file + page_bytes, file + 2 * page_bytes));
	close(pagemap);
}

/* Registers and arms; false: this kernel has no asynchronous write-protect. */
static bool begin_tracking(struct fixture *fixture)
{
	if (ask(fixture, fixture->task.pid, 'r') != 'y')
		return false;
	arm(fixture);
	dump(fixture);
	write_log(fixture, fixture->task.start_time);
	return true;
}

static void test_pending(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	if (!begin_tracking(fixture))
		skip();
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.pending + counts.different, 0);
	poke(fixture, fixture->areas.plain + 5 * page_bytes, 0x99);  /* was armed: written now */
	poke(fixture, fixture->areas.plain + 13 * page_bytes, 0x99); /* did not exist */
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.pending, 2);
	assert_int_equal(counts.different, 0);
	counts = verify(fixture, false, true, &found);
	assert_int_equal(counts.pending, 0);
	assert_int_equal(counts.different, 2);
	assert_int_equal(found.address[0], (uintptr_t)fixture->areas.plain + 5 * page_bytes);
	/* Another process had this pid at the pre-dump: only the dump can have this one. */
	write_log(fixture, fixture->task.start_time + 1);
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.different, 0);
	assert_true(counts.left >= AREA_PAGES);
	counts = verify(fixture, true, false, &found);
	assert_int_equal(counts.different, 2);
}

/* The tracker says clean and the bytes differ: the one thing that must never happen. */
static void expect_wrong(struct fixture *fixture, uint64_t area_page, const char *tracking)
{
	const uint8_t *at = fixture->areas.plain + area_page * page_bytes;
	struct image_chain *chain;
	struct found found;
	struct verify_counts counts;
	uint64_t offset;

	assert_int_equal(image_chain_open(fixture->dir->fd, fixture->task.innermost_pid, &chain,
					  NULL),
			 0);
	offset = image_chain_find(chain, (uintptr_t)at, 1).offset;
	image_chain_close(chain);
	fixture->pages[offset + 9] ^= 1;
	write_file(fixture->dir->fd, "pages-1.img", fixture->pages, fixture->nr_pages * page_bytes);
	counts = verify(fixture, false, false, &found);
	assert_int_equal(counts.pending, 0);
	assert_int_equal(counts.different, 1);
	assert_int_equal(found.address[0], (uintptr_t)at);
	assert_string_equal(found.tracking, tracking);
	fixture->pages[offset + 9] ^= 1;
}

static void test_wrong_bytes(void **state)
{
	struct fixture *fixture = *state;

	if (!begin_tracking(fixture))
		skip();
	expect_wrong(fixture, 3, "taken seq 3 (written)");
	expect_wrong(fixture, 4, "clean since seq 3");
}

static bool has_found(const struct found *found, const uint8_t *address)
{
	for (size_t i = 0; i < found->nr && i < 64; i++)
		if (found->address[i] == (uintptr_t)address)
			return true;
	return false;
}

/* Pages that do not exist any more show the file: one differs from the image, the other not. */
static void test_file_shows_again(void **state)
{
	struct fixture *fixture = *state;
	struct found found;

	dump(fixture);
	assert_int_equal(ask(fixture, fixture->task.pid, 'd'), 'y');
	verify(fixture, true, false, &found);
	assert_true(has_found(&found, fixture->areas.file + page_bytes));
	assert_false(has_found(&found, fixture->areas.file + 2 * page_bytes));
}

/* A page that was thrown away shows the file's again: no later image has it, so it is pending. */
static void test_thrown_away(void **state)
{
	struct fixture *fixture = *state;
	struct verify_counts counts;
	struct found found;

	if (!begin_tracking(fixture))
		skip();
	assert_int_equal(ask(fixture, fixture->task.pid, 'd'), 'y');
	for (int i = 0; i < 2; i++) { /* the first look maps the file's page */
		counts = verify(fixture, false, false, &found);
		assert_int_equal(counts.different, 0);
		assert_true(counts.pending > 0); /* the child's stack has changed, too */
		counts = verify(fixture, false, true, &found);
		assert_true(has_found(&found, fixture->areas.file + page_bytes));
		/* This one was copied, but is in the image as it is in the file. */
		assert_false(has_found(&found, fixture->areas.file + 2 * page_bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_CHILD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_CHILD(test_equal),
		WITH_CHILD(test_one_byte),
		WITH_CHILD(test_rseq),
		WITH_CHILD(test_unreadable),
		WITH_CHILD(test_absent_not_zero),
		WITH_CHILD(test_absent_file_page),
		WITH_CHILD(test_missing_in_parent),
		WITH_CHILD(test_left_by_pre_dump),
		WITH_CHILD(test_unknown_task),
		WITH_CHILD(test_corrupt_image),
		WITH_CHILD(test_pending),
		WITH_CHILD(test_wrong_bytes),
		WITH_CHILD(test_file_shows_again),
		WITH_CHILD(test_thrown_away),
	};

#ifdef __SANITIZE_ADDRESS__
	print_message(
		"not done: the dump made here would walk terabytes of the sanitizer's memory\n");
	return 77;
#endif
	page_bytes = image_page_size();
	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
