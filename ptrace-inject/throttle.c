// SPDX-License-Identifier: GPL-2.0-only
#include "ptrace-inject/throttle.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/hold.h"
#include "ptrace-inject/task-status.h"
#include "util/clock.h"

#define STACK_BYTES (256 * 1024)
#define PERIOD_US   (INJECT_THROTTLE_PERIOD_MS * 1000)
#define LOOK_US     2000 /* between two looks for threads that run, at least */
#define SETTLE_US   20000
/* The tree's writers want the processor all the time, and the helper very little of it. */
#define NICENESS (-20)

struct order {
	pid_t root, parent;
	unsigned int percent;
};

/* Sleeps until then; true at once when the helper is to end. */
static bool wait_until(uint64_t until_us)
{
	uint64_t now = clock_us(CLOCK_MONOTONIC), left = until_us > now ? until_us - now : 0;
	const struct timespec pause = { .tv_sec = (time_t)(left / 1000000),
					.tv_nsec = (long)(left % 1000000) * 1000 };
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	return sigtimedwait(&end, NULL, &pause) == SIGTERM;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A look at a large tree takes long: as long again the helper sleeps. True: it is to end. */
static bool stand_still(struct hold *hold, pid_t root, uint64_t until_us)
{
	bool end;

	do {
		uint64_t start = clock_us(CLOCK_MONOTONIC), after;

		hold_settle(hold);
		end = hold_look(hold, root);
		hold_settle(hold);
		after = clock_us(CLOCK_MONOTONIC);
		end = end || wait_until(earlier(until_us, after + LOOK_US + (after - start)));
	} while (!end && clock_us(CLOCK_MONOTONIC) < until_us);
	return end;
}

/* Threads that come late to their stop are let go at once. True: the helper is to end. */
static bool run(struct hold *hold, uint64_t until_us)
{
	bool end;

	do {
		uint64_t tick = clock_us(CLOCK_MONOTONIC) + LOOK_US;

		hold_settle(hold);
		hold_release(hold);
		end = wait_until(hold->nr ? earlier(until_us, tick) : until_us);
	} while (!end && clock_us(CLOCK_MONOTONIC) < until_us);
	return end;
}

/* Who is about to stop may need something hidden from it. */
static void settle_all(struct hold *hold)
{
	uint64_t end_us = clock_us(CLOCK_MONOTONIC) + SETTLE_US;

	hold_settle(hold);
	while (hold_is_unsettled(hold) && clock_us(CLOCK_MONOTONIC) < end_us) {
		sched_yield();
		hold_settle(hold);
	}
}

/*
 * Out of its parent's process group: what stops that (Ctrl-Z) must not stop the helper, which may
 * be holding the tree. Of the descriptors that it got, the keeper's would tell it that we live.
 */
static bool prepare(const struct order *order)
{
	sigset_t alarms;

	setsid();
	close_range(3, ~0U, 0);
	setpriority(PRIO_PROCESS, 0, NICENESS);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	return !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == order->parent;
}

/* Ctrl-Z or SIGSTOP: whoever waits for the rest of the command has the tree at full speed. */
static bool is_stopped(pid_t pid)
{
	struct inject_task_status status;

	return !inject_task_status(pid, pid, &status) && status.state == 'T';
}

static int throttle(void *argument)
{
	const struct order *order = argument;
	uint64_t still_us = (uint64_t)PERIOD_US * order->percent / 100;
	struct hold hold = { 0 };
	bool end = !prepare(order);

	while (!end) {
		uint64_t start = clock_us(CLOCK_MONOTONIC);

		end = !is_stopped(order->parent) &&
		      stand_still(&hold, order->root, start + still_us);
		end = end || run(&hold, clock_us(CLOCK_MONOTONIC) + PERIOD_US - still_us);
	}
	settle_all(&hold);
	_exit(0);
}

/*
 * No CLONE_VM: the helper is to outlive an exec of ours. Exit signal 0: neither a handler nor a
 * wait(-1) of the program that we live in sees it.
 */
int inject_throttle_begin(pid_t root, unsigned int percent, pid_t *ret_helper)
{
	struct order order = { .root = root, .parent = getpid(), .percent = percent };
	sigset_t all, before;
	pid_t helper;
	char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	helper = clone(throttle, stack + STACK_BYTES, 0, &order);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, STACK_BYTES);
	if (helper < 0)
		return -errno;
	*ret_helper = helper;
	return 0;
}

/* The kernel has let go of everything before the death of a tracer can be waited for. */
void inject_throttle_end(pid_t helper)
{
	if (!helper)
		return;
	kill(helper, SIGTERM);
	while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
		;
}
