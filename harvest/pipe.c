// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/pipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NS_A_SECOND UINT64_C(1000000000)

/* Those who are being dumped come first; nice and I/O priorities are a thread's own. */
#define NICENESS         10
#define IOPRIO_THIS      1             /* IOPRIO_WHO_PROCESS; 0 is the calling thread */
#define IOPRIO_BE_LOWEST (2 << 13 | 7) /* best effort, the last of eight: man 2 ioprio_set */

enum slot_state { SLOT_FREE, SLOT_COPYING, SLOT_FULL };

struct slot {
	enum slot_state state;
	struct harvest_chunk chunk;
};

/* Chunk number n is in slot n % nr_slots. */
struct pipe {
	const struct harvest_source *source;
	struct harvest_plan *plan;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot *slots;
	size_t nr_slots;
	uint64_t next; /* number of the next chunk to be copied */
	uint64_t last; /* number of chunks, once the plan has ended */
	bool ended, stop;
};

/* Waits for a free slot and takes the plan's next chunk into it; NULL: there is no more. */
static struct slot *claim(struct pipe *pipe)
{
	struct slot *slot;

	pthread_mutex_lock(&pipe->lock);
	for (;;) {
		slot = &pipe->slots[pipe->next % pipe->nr_slots];
		if (pipe->ended || pipe->stop || slot->state == SLOT_FREE)
			break;
		pthread_cond_wait(&pipe->changed, &pipe->lock);
	}
	if (!pipe->ended && !pipe->stop && !harvest_plan_next(pipe->plan, &slot->chunk)) {
		pipe->ended = true;
		pipe->last = pipe->next;
		pthread_cond_broadcast(&pipe->changed);
	}
	if (pipe->ended || pipe->stop) {
		slot = NULL;
	} else {
		slot->state = SLOT_COPYING;
		pipe->next++;
	}
	pthread_mutex_unlock(&pipe->lock);
	return slot;
}

static void set_state(struct pipe *pipe, struct slot *slot, enum slot_state state)
{
	pthread_mutex_lock(&pipe->lock);
	slot->state = state;
	pthread_cond_broadcast(&pipe->changed);
	pthread_mutex_unlock(&pipe->lock);
}

static void *copier(void *argument)
{
	struct pipe *pipe = argument;
	struct slot *slot;

	setpriority(PRIO_PROCESS, 0, NICENESS);
	while ((slot = claim(pipe))) {
		harvest_copy(pipe->source, &slot->chunk);
		set_state(pipe, slot, SLOT_FULL);
	}
	return NULL;
}

/* Chunk n when it has been copied; NULL: there is none of that number. */
static struct slot *wait_full(struct pipe *pipe, uint64_t n)
{
	struct slot *slot = &pipe->slots[n % pipe->nr_slots];

	pthread_mutex_lock(&pipe->lock);
	while (slot->state != SLOT_FULL && !(pipe->ended && n >= pipe->last))
		pthread_cond_wait(&pipe->changed, &pipe->lock);
	if (slot->state != SLOT_FULL)
		slot = NULL;
	pthread_mutex_unlock(&pipe->lock);
	return slot;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_A_SECOND + (uint64_t)now.tv_nsec;
}

/* Sleeps until as many bytes may have been written as have been. */
static void keep_pace(struct harvest_pace *pace, uint64_t bytes)
{
	uint64_t due;
	struct timespec until;

	if (!pace->bytes_a_second)
		return;
	if (!pace->start_ns)
		pace->start_ns = now_ns();
	pace->bytes += bytes;
	due = pace->start_ns +
	      (uint64_t)((double)pace->bytes / (double)pace->bytes_a_second * NS_A_SECOND);
	until.tv_sec = (time_t)(due / NS_A_SECOND);
	until.tv_nsec = (long)(due % NS_A_SECOND);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int write_chunk(struct image_pages *pages, const struct harvest_chunk *chunk)
{
	uint64_t page_size = image_page_size();
	int ret = 0;

	for (size_t i = 0; i < chunk->nr_parts && !ret; i++) {
		const struct harvest_part *part = &chunk->parts[i];
		uint64_t nr_pages = (part->end - part->start) / page_size;

		ret = part->in_parent ? image_pages_add_in_parent(pages, part->start, nr_pages) :
					image_pages_add(pages, part->start, nr_pages,
							chunk->bytes + part->offset);
	}
	return ret ? ret : image_pages_write(pages);
}

static int write_all(struct pipe *pipe, struct image_pages *pages, struct harvest_pace *pace)
{
	struct slot *slot;
	int ret = 0;

	for (uint64_t n = 0; !ret && (slot = wait_full(pipe, n)); n++) {
		ret = write_chunk(pages, &slot->chunk);
		keep_pace(pace, slot->chunk.len);
		set_state(pipe, slot, SLOT_FREE);
	}
	return ret;
}

static int run_threads(struct pipe *pipe, struct image_pages *pages, unsigned int jobs,
		       struct harvest_pace *pace)
{
	pthread_t threads[HARVEST_JOBS_MAX];
	unsigned int nr = 0;
	int ret;

	while (nr < jobs && !pthread_create(&threads[nr], NULL, copier, pipe))
		nr++;
	ret = nr ? write_all(pipe, pages, pace) : -EAGAIN;
	pthread_mutex_lock(&pipe->lock);
	pipe->stop = true;
	pthread_cond_broadcast(&pipe->changed);
	pthread_mutex_unlock(&pipe->lock);
	while (nr)
		pthread_join(threads[--nr], NULL);
	return ret;
}

static int make_slots(struct pipe *pipe, size_t nr)
{
	pipe->slots = calloc(nr, sizeof(*pipe->slots));
	if (!pipe->slots)
		return -ENOMEM;
	for (; pipe->nr_slots < nr; pipe->nr_slots++) {
		struct slot *slot = &pipe->slots[pipe->nr_slots];

		slot->chunk.bytes = aligned_alloc(image_page_size(), HARVEST_CHUNK_BYTES);
		if (!slot->chunk.bytes)
			return -ENOMEM;
	}
	return 0;
}

static void free_slots(struct pipe *pipe)
{
	for (size_t i = 0; i < pipe->nr_slots; i++)
		free(pipe->slots[i].chunk.bytes);
	free(pipe->slots);
}

int harvest_pipe_run(const struct harvest_source *source, struct harvest_plan *plan,
		     struct image_pages *pages, unsigned int jobs, struct harvest_pace *pace)
{
	struct pipe pipe = {
		.source = source,
		.plan = plan,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	long ioprio;
	int ret;

	if (jobs > HARVEST_JOBS_MAX)
		jobs = HARVEST_JOBS_MAX;
	ioprio = syscall(SYS_ioprio_get, IOPRIO_THIS, 0);
	syscall(SYS_ioprio_set, IOPRIO_THIS, 0, IOPRIO_BE_LOWEST);
	ret = make_slots(&pipe, jobs + 1);
	if (!ret)
		ret = run_threads(&pipe, pages, jobs, pace);
	free_slots(&pipe);
	if (ioprio >= 0)
		syscall(SYS_ioprio_set, IOPRIO_THIS, 0, ioprio);
	return ret;
}
