// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: what is written comes back, and nothing broken comes in. */
#include "test/unit/test_image_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "dirty-log.pb-c.h"
#include "image/dirty-log.h"

#define PID       57
#define NAME      "lazy-wp-57.img"
#define SERVICE   0x55105940u
#define DIRTY_LOG 0x4450574cu

static uint64_t page;

static struct image_dirty_log_mapping mappings[] = {
	{ .perms = "r-xp",
	  .pgoff = 0,
	  .dev_major = 8,
	  .dev_minor = 1,
	  .ino = 1234567890123,
	  .tracking = IMAGE_TRACKED },
	{ .perms = "rw-p", .tracking = IMAGE_FRESH },
	{ .perms = "rw-s",
	  .dev_minor = 4,
	  .ino = 77,
	  .tracking = IMAGE_UNTRACKED,
	  .reason = "shared memory is dumped whole" },
};

static struct image_dirty_log_taken taken[] = {
	{ .nr_pages = 3, .reason = IMAGE_TAKEN_WRITTEN },
	{ .nr_pages = 1, .reason = IMAGE_TAKEN_FRESH },
	{ .nr_pages = 0x80000000, .reason = IMAGE_TAKEN_FULL },
};

static struct image_dirty_log sample(void)
{
	struct image_dirty_log log = {
		.header = { .session = { 1, 0, 255 },
			    .sequence = UINT64_C(5000000000),
			    .tracker = "uffd-wp",
			    .kernel_release = "6.18.44",
			    .pid = PID,
			    .start_time = 987654321,
			    .has_parent = true,
			    .parent_sequence = 4,
			    .remote = true },
		.mappings = mappings,
		.nr_mappings = 3,
		.taken = taken,
		.nr_taken = 3,
	};

	for (uint64_t i = 0; i < 3; i++) {
		mappings[i].start = (0x7f0000000 + 16 * i) * page;
		mappings[i].end = mappings[i].start + 8 * page;
		taken[i].start = mappings[i].start + i * page;
	}
	mappings[0].pgoff = 3 * page;
	return log;
}

static void expect_equal(const struct image_dirty_log *a, const struct image_dirty_log *b)
{
	assert_memory_equal(a->header.session, b->header.session, IMAGE_SESSION_BYTES);
	assert_int_equal(a->header.sequence, b->header.sequence);
	assert_string_equal(a->header.tracker, b->header.tracker);
	assert_string_equal(a->header.kernel_release, b->header.kernel_release);
	assert_int_equal(a->header.pid, b->header.pid);
	assert_int_equal(a->header.start_time, b->header.start_time);
	assert_int_equal(a->header.has_parent, b->header.has_parent);
	assert_int_equal(a->header.parent_sequence, b->header.parent_sequence);
	assert_string_equal(a->header.full_reason, b->header.full_reason);
	assert_int_equal(a->header.remote, b->header.remote);
	assert_int_equal(a->nr_mappings, b->nr_mappings);
	for (size_t i = 0; i < a->nr_mappings; i++) {
		const struct image_dirty_log_mapping *x = &a->mappings[i], *y = &b->mappings[i];

		assert_true(x->start == y->start && x->end == y->end && x->pgoff == y->pgoff);
		assert_true(x->ino == y->ino && x->dev_major == y->dev_major);
		assert_true(x->dev_minor == y->dev_minor && x->tracking == y->tracking);
		assert_string_equal(x->perms, y->perms);
		assert_string_equal(x->reason, y->reason);
	}
	assert_int_equal(a->nr_taken, b->nr_taken);
	for (size_t i = 0; i < a->nr_taken; i++) {
		const struct image_dirty_log_taken *x = &a->taken[i], *y = &b->taken[i];

		assert_true(x->start == y->start && x->nr_pages == y->nr_pages &&
			    x->reason == y->reason);
	}
}

static void expect_round_trip(const struct test_dir *dir, const struct image_dirty_log *log)
{
	auto_image_dirty_log struct image_dirty_log back = { 0 };
	struct image_dirty_log_header header;
	struct image_error error = { "" };
	int ret = image_dirty_log_write(dir->fd, PID, log);

	assert_int_equal(ret, 0);
	ret = image_dirty_log_read(dir->fd, PID, &back, &error);
	if (ret)
		fail_msg("%d: %s", ret, error.text);
	expect_equal(log, &back);
	assert_int_equal(image_dirty_log_read_header(dir->fd, PID, &header, &error), 0);
	assert_int_equal(header.sequence, log->header.sequence);
	assert_memory_equal(header.session, log->header.session, IMAGE_SESSION_BYTES);
}

static int nr_files(const struct test_dir *dir)
{
	DIR *listing = opendir(dir->path);
	struct dirent *entry;
	int nr = 0;

	while ((entry = readdir(listing)))
		nr += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(listing);
	return nr;
}

static void test_round_trip(void **state)
{
	struct image_dirty_log log = sample(), full = { 0 };

	expect_round_trip(*state, &log);
	/* Over the first one: a full iteration without parent, and nothing taken. */
	full.header = log.header;
	full.header.has_parent = false;
	full.header.parent_sequence = 0;
	memset(full.header.full_reason, 'x', sizeof(full.header.full_reason) - 1);
	expect_round_trip(*state, &full);
	assert_int_equal(nr_files(*state), 1);
}

/* More entries than one message holds. */
static void test_large(void **state)
{
	const size_t nr_mappings = 10000, nr_taken = 100000;
	struct image_dirty_log log = sample();

	log.mappings = calloc(nr_mappings, sizeof(*log.mappings));
	log.taken = calloc(nr_taken, sizeof(*log.taken));
	log.nr_mappings = nr_mappings;
	log.nr_taken = nr_taken;
	for (size_t i = 0; i < nr_mappings; i++) {
		log.mappings[i] = mappings[i % 3];
		/* At its largest: the last address, every field a long number. */
		log.mappings[i].start = -(uint64_t)(2 * (nr_mappings - i)) * page;
		log.mappings[i].end = log.mappings[i].start + page;
		log.mappings[i].pgoff = -page;
		log.mappings[i].ino = UINT64_MAX;
		log.mappings[i].dev_major = log.mappings[i].dev_minor = UINT32_MAX;
		memset(log.mappings[i].reason, 'r', sizeof(log.mappings[i].reason) - 1);
	}
	for (size_t i = 0; i < nr_taken; i++)
		log.taken[i] = (struct image_dirty_log_taken){ -(uint64_t)(2 + i) * page, 1 + i % 2,
							       1 + i % 7 };
	expect_round_trip(*state, &log);
	free(log.mappings);
	free(log.taken);
}

static void test_write_refuses(void **state)
{
	const struct test_dir *dir = *state;
	struct image_dirty_log log = sample();

	memset(log.header.tracker, 'x', sizeof(log.header.tracker));
	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), -EINVAL);
	log = sample();
	taken[1].start++;
	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), -EINVAL);
	log = sample();
	mappings[1].start = mappings[0].start;
	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), -EINVAL);
	log = sample();
	taken[0].reason = 8;
	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), -EINVAL);
	taken[0].reason = IMAGE_TAKEN_WRITTEN;
	assert_int_equal(nr_files(dir), 0);
}

/* The disk is full (here: the file may not grow): the error comes back, the old file stays. */
static void test_write_fails_clean(void **state)
{
	const struct test_dir *dir = *state;
	auto_image_dirty_log struct image_dirty_log back = { 0 };
	struct image_dirty_log log = sample(), larger = sample();
	int status;
	pid_t child;

	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), 0);
	larger.nr_taken = 100000;
	larger.taken = calloc(larger.nr_taken, sizeof(*larger.taken));
	for (size_t i = 0; i < larger.nr_taken; i++)
		larger.taken[i] = taken[0];
	child = fork();
	if (!child) {
		const struct rlimit limit = { 8192, 8192 };

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(image_dirty_log_write(dir->fd, PID, &larger) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(nr_files(dir), 1);
	assert_int_equal(image_dirty_log_read(dir->fd, PID, &back, NULL), 0);
	expect_equal(&log, &back);
	free(larger.taken);
}

static void read_file(const struct test_dir *dir, struct bytes *bytes)
{
	int fd = openat(dir->fd, NAME, O_RDONLY | O_CLOEXEC);
	ssize_t nr = read(fd, bytes->v, sizeof(bytes->v));

	assert_true(nr > 0);
	bytes->len = (size_t)nr;
	close(fd);
}

static void test_truncated_everywhere(void **state)
{
	const struct test_dir *dir = *state;
	struct image_dirty_log log = sample();
	struct bytes bytes;

	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), 0);
	read_file(dir, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		struct image_dirty_log back = { .nr_taken = 4711 };
		struct image_error error = { "" };

		write_file(dir->fd, NAME, bytes.v, len);
		assert_int_equal(image_dirty_log_read(dir->fd, PID, &back, &error), -EBADMSG);
		assert_int_equal(back.nr_taken, 4711);
		assert_non_null(strstr(error.text, NAME));
	}
	add_number(&bytes, 0);
	write_image(dir->fd, NAME, &bytes);
	assert_int_equal(image_dirty_log_read(dir->fd, PID, &log, NULL), -EBADMSG);
}

/* An error, or a log that could be written again as it is. */
static void test_flipped_everywhere(void **state)
{
	const struct test_dir *dir = *state;
	struct image_dirty_log log = sample();
	int nr_refused = 0, nr_read = 0;
	struct bytes bytes;

	assert_int_equal(image_dirty_log_write(dir->fd, PID, &log), 0);
	read_file(dir, &bytes);
	for (size_t i = 0; i < 9 * bytes.len; i++) {
		uint8_t mask = i % 9 == 8 ? 0xff : 1 << (i % 9);
		struct image_dirty_log back = { 0 };
		int ret;

		bytes.v[i / 9] ^= mask;
		write_image(dir->fd, NAME, &bytes);
		ret = image_dirty_log_read(dir->fd, PID, &back, NULL);
		if (ret) {
			assert_int_equal(ret, -EBADMSG);
			nr_refused++;
		} else {
			assert_int_equal(image_dirty_log_write(dir->fd, 58, &back), 0);
			assert_true(back.nr_mappings == 3 && back.nr_taken == 3);
			image_dirty_log_free(&back);
			nr_read++;
		}
		bytes.v[i / 9] ^= mask;
	}
	assert_true(nr_refused > 0 && nr_read > 0);
}

static void expect_record_refused(const struct test_dir *dir, const LwpDirtyLogRecord *record,
				  const char *word)
{
	struct bytes bytes = { .len = 0 };
	struct image_dirty_log log;
	struct image_error error = { "" };

	add_number(&bytes, SERVICE);
	add_number(&bytes, DIRTY_LOG);
	add_message(&bytes, &record->base);
	write_image(dir->fd, NAME, &bytes);
	assert_int_equal(image_dirty_log_read(dir->fd, PID, &log, &error), -EBADMSG);
	if (!strstr(error.text, word))
		fail_msg("'%s' is not in '%s'", word, error.text);
}

static void test_hostile(void **state)
{
	LwpDirtyLogRecord record = LWP_DIRTY_LOG_RECORD__INIT;
	LwpDirtyLogHeader header = LWP_DIRTY_LOG_HEADER__INIT;
	LwpDirtyLogEnd end = LWP_DIRTY_LOG_END__INIT;
	char long_text[300];
	uint8_t session[17] = { 0 };

	memset(long_text, 'x', sizeof(long_text));
	long_text[299] = 0;
	expect_record_refused(*state, &record, "no header");
	header.version = 1;
	header.session.data = session;
	header.session.len = 16;
	header.tracker = header.kernel_release = (char *)"t";
	record.header = &header;
	record.end = &end;
	end.nr_taken = UINT64_MAX; /* must not be believed, let alone allocated */
	expect_record_refused(*state, &record, "counts");
	header.version = 2;
	expect_record_refused(*state, &record, "version");
	header.version = 1;
	header.session.len = 17;
	expect_record_refused(*state, &record, "session");
	header.session.len = 16;
	header.full_reason = long_text;
	expect_record_refused(*state, &record, "too long");
}

static void test_hostile_length(void **state)
{
	const struct test_dir *dir = *state;
	struct bytes bytes = { .len = 0 };
	struct image_dirty_log log;
	struct image_error error = { "" };

	assert_int_equal(image_dirty_log_read(dir->fd, PID, &log, &error), -ENOENT);
	add_number(&bytes, SERVICE);
	add_number(&bytes, DIRTY_LOG);
	add_number(&bytes, 0x7fffffff);
	write_image(dir->fd, NAME, &bytes);
	assert_int_equal(image_dirty_log_read(dir->fd, PID, &log, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "longer than any"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, test_dir_setup, test_dir_teardown)
		IN_DIR(test_round_trip),
		IN_DIR(test_large),
		IN_DIR(test_write_refuses),
		IN_DIR(test_write_fails_clean),
		IN_DIR(test_truncated_everywhere),
		IN_DIR(test_flipped_everywhere),
		IN_DIR(test_hostile),
		IN_DIR(test_hostile_length),
	};

	page = image_page_size();
	return cmocka_run_group_tests_name("image_dirty_log", tests, NULL, NULL);
}
