// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/rounds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harvest/harvest.h"
#include "harvest/look.h"
#include "image/pagemap.h"
#include "ptrace-inject/throttle.h"
#include "util/cleanup.h"
#include "util/log.h"

/*
 * What a dump costs beside the pages it writes: measured with CRIU 4.2 (make bench-pause). The
 * prediction need not be exact, only tell a freeze of 100 ms from one of a second.
 */
#define CRIU_START_MS    60 /* from its exec to the freeze: the tree runs on, and writes */
#define FIXED_FREEZE_US  5000
#define FREEZE_NS_A_PAGE 10  /* of clean memory: looking for what was written, with some reserve */
#define WRITE_US_A_PAGE  3.2 /* of dirty memory, where nothing better is known */
#define MEASURABLE_PAGES 1000

/* A round that leaves more than this part of the last prediction does not help. */
#define STALL_RATIO  0.9
#define STALL_ROUNDS 2

/* The part of the time for which a slowed tree stands still, in percent: more in each round. */
#define THROTTLE_FIRST 20
#define THROTTLE_STEP  20
#define THROTTLE_MOST  99
/* For so long CRIU's preparations in the tree make it run freely; the like at a round's start. */
#define THROTTLE_GAP_MS 5

enum verdict { GO_ON, SHORT_ENOUGH, LAST_ROUND, STALLED, NO_PAGES, OUT_OF_TIME };

struct rounds {
	const struct rounds_options *options;
	int images;
	uint64_t total_pages;   /* of the tree, as it was found first */
	double predicted_ms;    /* after the last round */
	double pages_ms;        /* of that: writing dirty pages, all that a round can shorten */
	unsigned int nr_stalls; /* in a row */
	time_t end;
	unsigned int still_percent; /* 0: the tree is not slowed */
	double free_rate;           /* pages dirtied a second before that */
	pid_t throttle;             /* the helper that slows it now, or 0 */
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static double dirty_pages_a_second(const struct harvest_result *result)
{
	return result->dirty_window_us ?
		       (double)result->pages_dirty * 1e6 / (double)result->dirty_window_us :
		       0;
}

/* Of the freeze, what depends on the pages that are dirty then. */
static double predict_pages_ms(const struct rounds *rounds, const struct harvest_result *result)
{
	double page_us = result->pages_written >= MEASURABLE_PAGES ?
				 (double)result->copy_us / (double)result->pages_written :
				 WRITE_US_A_PAGE;
	double dirty = (double)result->pages_dirty +
		       dirty_pages_a_second(result) * CRIU_START_MS / 1000;

	if (rounds->still_percent)
		dirty += rounds->free_rate * THROTTLE_GAP_MS / 1000;
	if (dirty > (double)rounds->total_pages)
		dirty = (double)rounds->total_pages;
	return dirty * page_us / 1000;
}

/* Sets the prediction; returns the one before. */
static double predict(struct rounds *rounds, const struct harvest_result *result)
{
	double before_ms = rounds->predicted_ms;

	rounds->pages_ms = predict_pages_ms(rounds, result);
	rounds->predicted_ms = (FIXED_FREEZE_US + (double)result->smaps_us +
				(double)rounds->total_pages * FREEZE_NS_A_PAGE / 1000) /
				       1000 +
			       rounds->pages_ms;
	return before_ms;
}

/* NO_PAGES: without any dirty page the freeze would not be much shorter, so no round can help. */
static enum verdict judge_prediction(const struct rounds *rounds)
{
	if (rounds->predicted_ms <= rounds->options->max_downtime_ms)
		return SHORT_ENOUGH;
	return rounds->pages_ms < rounds->predicted_ms * (1 - STALL_RATIO) ? NO_PAGES : GO_ON;
}

/*
 * As open as the directory that it is in: CRIU restores a user namespace's tree with its rights, and
 * goes through the parents (the files are its own affair).
 */
static int make_directory(int images, const char *name)
{
	struct stat status;

	if (fstat(images, &status) || mkdirat(images, name, 0700) ||
	    fchmodat(images, name, status.st_mode & 0777, 0))
		return -errno;
	return 0;
}

static int open_round(const struct rounds *rounds, unsigned int number)
{
	char name[32];
	int fd, ret;

	snprintf(name, sizeof(name), "pre/%u", number);
	ret = number == 1 ? make_directory(rounds->images, "pre") : 0;
	if (!ret || ret == -EEXIST)
		ret = make_directory(rounds->images, name);
	if (ret) {
		log_error("cannot dump into %s: making %s: %s%s", rounds->options->images, name,
			  strerror(-ret), ret == -EEXIST ? ": take an empty directory" : "");
		return ret;
	}
	fd = openat(rounds->images, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A round that finds the tree unslowed for want of a helper is as good as the others. */
static void slow_down(void *argument)
{
	struct rounds *rounds = argument;
	int ret = 0;

	if (rounds->still_percent && !rounds->throttle)
		ret = inject_throttle_begin(rounds->options->root, rounds->still_percent,
					    &rounds->throttle);
	if (ret)
		log_warn("cannot slow %d down: %s", rounds->options->root, strerror(-ret));
}

static void speed_up(struct rounds *rounds)
{
	inject_throttle_end(rounds->throttle);
	rounds->throttle = 0;
}

/* True if the tree can still be slowed more, and now is. */
static bool throttle_more(struct rounds *rounds)
{
	unsigned int before = rounds->still_percent;

	if (rounds->options->on_stall != ROUNDS_THROTTLE || before == THROTTLE_MOST)
		return false;
	rounds->still_percent = before ? before + THROTTLE_STEP : THROTTLE_FIRST;
	if (rounds->still_percent > THROTTLE_MOST)
		rounds->still_percent = THROTTLE_MOST;
	speed_up(rounds);
	slow_down(rounds);
	return true;
}

static enum verdict judge(struct rounds *rounds, double before_ms, unsigned int number)
{
	bool helped = number == 1 || rounds->predicted_ms < before_ms * STALL_RATIO;
	enum verdict verdict = judge_prediction(rounds);

	rounds->nr_stalls = helped ? 0 : rounds->nr_stalls + 1;
	if (verdict != GO_ON)
		return verdict;
	if (number >= rounds->options->max_rounds)
		return rounds->nr_stalls >= STALL_ROUNDS ? STALLED : LAST_ROUND;
	if (rounds->end && now_s() >= rounds->end)
		return OUT_OF_TIME;
	if ((rounds->still_percent || rounds->nr_stalls) && throttle_more(rounds))
		rounds->nr_stalls = 0;
	return rounds->nr_stalls >= STALL_ROUNDS ? STALLED : GO_ON;
}

static void print_round(const struct rounds *rounds, const struct harvest_result *result,
			unsigned int number, unsigned int still_percent)
{
	double bytes = (double)(result->pages_written * image_page_size());
	char slowed[48] = "";

	if (still_percent)
		snprintf(slowed, sizeof(slowed), ", the tree held for %u %% of the time",
			 still_percent);
	printf("round %u: %" PRIu64 " pages, %.0f MB/s, %.0f pages dirtied a second, predicted "
	       "freeze %.0f ms%s\n",
	       number, result->pages_written, result->copy_us ? bytes / (double)result->copy_us : 0,
	       dirty_pages_a_second(result), rounds->predicted_ms, slowed);
	fflush(stdout);
}

/* What the images of round `number` build upon, as seen from them; NULL: nothing. */
static const char *parent_of(const struct rounds *rounds, unsigned int number, char text[PATH_MAX])
{
	const char *first = rounds->options->parent;

	if (number > 1)
		snprintf(text, PATH_MAX, "../%u", number - 1);
	else if (first)
		snprintf(text, PATH_MAX, "%s%s", first[0] == '/' ? "" : "../../", first);
	else
		return NULL;
	return text;
}

static int run_round(struct rounds *rounds, unsigned int number, enum verdict *ret_verdict)
{
	const struct rounds_options *options = rounds->options;
	char parent[PATH_MAX], path[PATH_MAX];
	auto_close int images = open_round(rounds, number);
	const struct harvest_request request = {
		.root = options->root,
		.keeper = options->keeper,
		.images = images,
		.parent = parent_of(rounds, number, parent),
		.jobs = options->jobs,
		.bytes_a_second = options->bandwidth,
		.auto_dedup = options->auto_dedup,
		.settled = slow_down,
		.argument = rounds,
	};
	unsigned int still_percent = rounds->still_percent;
	struct harvest_result result;
	int ret;

	if (images < 0)
		return images;
	snprintf(path, sizeof(path), "%s/pre/%u", options->images, number);
	speed_up(rounds); /* tasks are about to be traced */
	ret = options->criu_round ? criu_round_run(&request, path, options->criu_round, &result) :
				    harvest_run(&request, &result);
	if (ret)
		return ret;
	if (number == 1)
		rounds->total_pages = result.pages_written + result.pages_in_parent;
	if (!still_percent)
		rounds->free_rate = dirty_pages_a_second(&result);
	*ret_verdict = judge(rounds, predict(rounds, &result), number);
	print_round(rounds, &result, number, still_percent);
	return 0;
}

/* Why the dump comes now although the freeze will be longer than wanted. */
static int end_rounds(const struct rounds *rounds, enum verdict verdict)
{
	static const char *const reasons[] = {
		[LAST_ROUND] = "--max-rounds is reached",
		[STALLED] = "the tree writes memory as fast as it is copied",
		[NO_PAGES] = "hardly any of it is for pages, and rounds copy only those",
		[OUT_OF_TIME] = "--timeout is over",
	};

	if (verdict == SHORT_ENOUGH)
		return 0;
	if (rounds->options->on_stall == ROUNDS_FAIL) {
		log_error(
			"%d is not dumped: %s, and the freeze would take about %.0f ms: it runs on",
			rounds->options->root, reasons[verdict], rounds->predicted_ms);
		return -ECANCELED;
	}
	log_warn("%s: the freeze will take about %.0f ms", reasons[verdict], rounds->predicted_ms);
	return 0;
}

/* With a parent the dump may be short enough as things are. */
static int look_first(struct rounds *rounds, enum verdict *ret_verdict)
{
	struct harvest_result now = { 0 };
	struct harvest_view view;
	int ret = harvest_look(rounds->options->root,
			       rounds->options->criu_round ? TRACK_KIND_SOFT_DIRTY :
							     TRACK_KIND_UFFD_WP,
			       &view);

	if (ret) {
		log_error("cannot look at the memory of %d: %s", rounds->options->root,
			  strerror(-ret));
		return ret;
	}
	rounds->total_pages = view.pages_resident;
	now.pages_dirty = view.pages_dirty;
	now.smaps_us = view.smaps_us;
	predict(rounds, &now);
	*ret_verdict = judge_prediction(rounds);
	return 0;
}

static int run_rounds(struct rounds *rounds)
{
	const struct rounds_options *options = rounds->options;
	enum verdict verdict = GO_ON;
	unsigned int number = 0;
	int ret;

	if (options->parent && options->max_rounds) {
		ret = look_first(rounds, &verdict);
		if (ret)
			return ret;
	}
	while (verdict == GO_ON && options->max_rounds) {
		ret = run_round(rounds, ++number, &verdict);
		if (ret)
			return ret;
	}
	ret = verdict == GO_ON ? 0 : end_rounds(rounds, verdict);
	return ret ? ret : (int)number;
}

int rounds_run(const struct rounds_options *options, pid_t *ret_throttle)
{
	auto_close int images = open(options->images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rounds rounds = { .options = options, .images = images };
	int ret;

	if (images < 0)
		return -errno;
	if (options->timeout_s)
		rounds.end = now_s() + (time_t)options->timeout_s;
	ret = run_rounds(&rounds);
	if (ret < 0)
		speed_up(&rounds);
	else
		*ret_throttle = rounds.throttle;
	return ret;
}
