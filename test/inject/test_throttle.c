// SPDX-License-Identifier: GPL-2.0-only
/*
 * A throttled tree is slow and notices nothing else: signals, timeouts, stops, execs and other
 * tracers are as they would be. And however throttling ends, the tree then runs freely.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/task-status.h"
#include "ptrace-inject/throttle.h"
#include "test/inject/harness/harness.h"

#define MOST        99
#define ANSWER_MS   20000
#define NR_HELPERS  100
#define NR_THREADS  3
#define NR_SLEEPERS 2000
#define NR_EXECS    40
#define NR_WAITS    30
/* Of a call that ended with EINTR arm64 does not show whether a handler has run (arch/aarch64). */
#ifdef __aarch64__
#define MOST_INTERRUPTED (NR_WAITS / 4)
#else
#define MOST_INTERRUPTED 0
#endif

static atomic_ulong *counter, *enough; /* shared with targets */

static void sleep_ms(long ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static pid_t begin(pid_t root, unsigned int percent)
{
	pid_t helper;

	if (inject_throttle_begin(root, percent, &helper))
		tap_bail_out("no helper");
	return helper;
}

static void spin(struct target_side *side)
{
	(void)side;
	for (;;)
		atomic_fetch_add(counter, 1);
}

static unsigned long count_for(long ms)
{
	int64_t start = test_now_us();
	unsigned long before = atomic_load(counter);

	sleep_ms(ms);
	return (atomic_load(counter) - before) * 1000 / (unsigned long)(test_now_us() - start + 1);
}

static bool is_traced(pid_t pid)
{
	struct inject_task_status status;

	return !inject_task_status(pid, pid, &status) && status.tracer;
}

/* Whatever held the target has ended: nobody traces it, it is not stopped, and it counts. */
static void check_free(pid_t pid, const char *when)
{
	bool traced = is_traced(pid);
	unsigned long before = atomic_load(counter);
	int64_t end_us = test_now_us() + 5000000;

	while (atomic_load(counter) == before && test_now_us() < end_us)
		sleep_ms(1);
	tap_ok(!traced && !is_traced(pid) && target_state(pid) == 'R' &&
		       atomic_load(counter) != before,
	       "%s the target runs, untraced (state %c)", when, target_state(pid));
}

static void check_share(void)
{
	unsigned long freely, slowed, after; /* the machine may be busy before, or after */
	struct target target;
	pid_t helper;

	target_start(&target, spin, NULL);
	freely = count_for(500);
	helper = begin(target.pid, MOST);
	slowed = count_for(1000);
	inject_throttle_end(helper);
	check_free(target.pid, "after the end");
	after = count_for(500);
	tap_ok(slowed < (freely > after ? freely : after) / 4,
	       "%d %%: %lu counts a ms, %lu before, %lu after", MOST, slowed, freely, after);
	target_end(&target);
}

/* Killed while the target stands still, as a tracer that holds it shows. */
static void check_killed_helper(void)
{
	struct target target;

	target_start(&target, spin, NULL);
	for (int i = 0; i < 20; i++) {
		pid_t helper = begin(target.pid, MOST);
		int64_t end_us = test_now_us() + 5000000;

		while (target_state(target.pid) != 't' && test_now_us() < end_us)
			sleep_ms(1);
		if (target_state(target.pid) != 't')
			tap_bail_out("it does not hold the target");
		kill(helper, SIGKILL);
		inject_throttle_end(helper);
		if (is_traced(target.pid))
			break;
	}
	check_free(target.pid, "after the helper was killed");
	target_end(&target);
}

/* The launcher's part: begins and is killed, or ends without a word. */
static void throttle_and_wait(struct target_side *side)
{
	begin(*(const pid_t *)side->argument, MOST);
	side_say(side, 1);
	side_hear(side);
}

static void check_killed_parent(void)
{
	struct target target, launcher;
	uint64_t begun;
	int64_t end_us;

	target_start(&target, spin, NULL);
	target_start(&launcher, throttle_and_wait, &target.pid);
	target_hear(&launcher, ANSWER_MS, &begun);
	target_wait_state(target.pid, 't');
	target_end(&launcher);
	end_us = test_now_us() + 2000000;
	while (is_traced(target.pid) && test_now_us() < end_us)
		sleep_ms(1);
	sleep_ms(3 * INJECT_THROTTLE_PERIOD_MS); /* it would be held again by then */
	check_free(target.pid, "after its parent was killed");
	target_end(&target);
}

static volatile sig_atomic_t queued, out_of_order;

static void on_queued(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_value.sival_int != queued || info->si_code != SI_QUEUE)
		out_of_order = 1;
	queued++;
}

static void *sleep_thread(void *unused)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pause();
	return unused;
}

/* Most of its time goes into the delivery of signals: how many it has sent it says, and has got. */
static void signal_itself(struct target_side *side)
{
	const struct sigaction action = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	const unsigned int *sleepers = side->argument;
	pthread_t thread;
	int sent = 0;

	sigaction(SIGRTMIN, &action, NULL);
	for (unsigned int i = 0; i < *sleepers; i++)
		if (pthread_create(&thread, NULL, sleep_thread, NULL))
			abort();
	side_say(side, 1);
	while (!atomic_load(enough))
		if (!sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = sent }))
			sent++;
	side_say(side, (uint64_t)sent);
	side_say(side, (uint64_t)queued);
	side_say(side, (uint64_t)out_of_order);
	side_hear(side);
}

/*
 * Every other helper is killed, most of them while the target stands still. Sleepers make a look
 * take long.
 */
static void check_signals(unsigned int sleepers)
{
	uint64_t ready, sent = 0, arrived = 1, disorder = 1;
	struct target target;

	atomic_store(enough, 0);
	target_start(&target, signal_itself, &sleepers);
	target_hear(&target, ANSWER_MS, &ready);
	for (int i = 0; i < NR_HELPERS; i++) {
		pid_t helper = begin(target.pid, 50);

		sleep_ms(random() % INJECT_THROTTLE_PERIOD_MS);
		if (i % 2)
			kill(helper, SIGKILL);
		inject_throttle_end(helper);
	}
	atomic_store(enough, 1);
	target_hear(&target, ANSWER_MS, &sent);
	target_hear(&target, ANSWER_MS, &arrived);
	target_hear(&target, ANSWER_MS, &disorder);
	tap_ok(sent && arrived == sent, "%ju of %ju signals arrived, with %d helpers, %u sleepers",
	       (uintmax_t)arrived, (uintmax_t)sent, NR_HELPERS, sleepers);
	tap_ok(!disorder, "in the order sent, with their values");
	target_end(&target);
}

/* Computes and waits by turns. How often a wait ended by anything but its time: that is said. */
static void wait_with_timeouts(struct target_side *side)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	uint64_t failures = 0;

	for (int i = 0; i < NR_WAITS; i++) {
		for (volatile unsigned int j = 0; j < 10000000 / test_slowness(); j++)
			;
		if (epoll_wait(epoll, &event, 1, 3 * INJECT_THROTTLE_PERIOD_MS / 2))
			failures++;
	}
	side_say(side, failures);
	side_hear(side);
}

static void check_timeouts(void)
{
	struct target target;
	uint64_t failures = 0;
	pid_t helper;

	target_start(&target, wait_with_timeouts, NULL);
	helper = begin(target.pid, 60);
	tap_ok(target_hear(&target, 3 * ANSWER_MS, &failures), "timeouts longer than a period end");
	tap_ok(failures <= MOST_INTERRUPTED, "in time, without EINTR (all but %ju of %d)",
	       (uintmax_t)failures, NR_WAITS);
	inject_throttle_end(helper);
	target_end(&target);
}

static int count_reports(pid_t pid)
{
	int status, reports = 0;

	while (waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG) == pid)
		reports++;
	return reports;
}

static void check_stops(void)
{
	struct target target;
	bool traced = false;
	pid_t helper;

	target_start(&target, spin, NULL);
	helper = begin(target.pid, 60);
	sleep_ms(3 * INJECT_THROTTLE_PERIOD_MS);
	tap_ok(!count_reports(target.pid), "its parent sees no stop");
	kill(target.pid, SIGSTOP);
	target_wait_state(target.pid, 'T');
	for (int i = 0; i < 20; i++) {
		sleep_ms(INJECT_THROTTLE_PERIOD_MS / 7);
		traced = traced || is_traced(target.pid) || target_state(target.pid) != 'T';
	}
	tap_ok(!traced, "stopped, it is left alone");
	tap_ok(count_reports(target.pid) == 1, "its parent is told of a true stop, once");
	kill(target.pid, SIGCONT);
	sleep_ms(3 * INJECT_THROTTLE_PERIOD_MS);
	tap_ok(count_reports(target.pid) == 1, "and of its going on");
	kill(target.pid, SIGSTOP);
	inject_throttle_end(helper);
	target_wait_state(target.pid, 'T');
	tap_ok(!is_traced(target.pid), "stopped at the end, it stays so");
	kill(target.pid, SIGCONT);
	check_free(target.pid, "after SIGCONT");
	target_end(&target);
}

static void trace(struct target_side *side)
{
	const pid_t *pid = side->argument;

	side_say(side, ptrace(PTRACE_SEIZE, *pid, 0, 0) == 0);
	side_hear(side);
}

static void check_other_tracer(void)
{
	struct target target, tracer;
	struct inject_task_status status;
	unsigned long before;
	uint64_t seized = 0;
	pid_t helper;

	target_start(&target, spin, NULL);
	target_start(&tracer, trace, &target.pid);
	if (!target_hear(&tracer, ANSWER_MS, &seized) || !seized)
		tap_bail_out("cannot trace");
	before = atomic_load(counter);
	helper = begin(target.pid, 60);
	sleep_ms(3 * INJECT_THROTTLE_PERIOD_MS);
	tap_ok(!inject_task_status(target.pid, target.pid, &status) &&
		       status.tracer == tracer.pid && status.state == 'R' &&
		       atomic_load(counter) != before,
	       "traced by somebody else, it is left alone");
	inject_throttle_end(helper);
	target_end(&tracer);
	target_end(&target);
}

static void *spin_thread(void *unused)
{
	(void)unused;
	for (;;)
		atomic_fetch_add(counter, 1);
	return NULL;
}

static void *exec_thread(void *unused)
{
	sleep_ms(5 + random() % 20);
	execl("/bin/true", "true", NULL);
	return unused;
}

/* The thread that executes has slept while the others are held. */
static void exec_with_threads(struct target_side *side)
{
	pthread_t thread;

	srandom((unsigned int)getpid());
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&thread, NULL, spin_thread, NULL);
	pthread_create(&thread, NULL, exec_thread, NULL);
	side_say(side, 1);
	spin_thread(NULL);
}

static void check_exec(void)
{
	int execs = NR_EXECS / (int)test_slowness(), fine = 0;

	for (int i = 0; i < execs; i++) {
		struct target target;
		uint64_t ready;
		pid_t helper;

		target_start(&target, exec_with_threads, NULL);
		target_hear(&target, ANSWER_MS, &ready);
		helper = begin(target.pid, 90);
		fine += target_wait(&target) == 0;
		inject_throttle_end(helper);
	}
	tap_ok(fine == execs, "%d of %d programs were executed by a thread beside held ones", fine,
	       execs);
}

int main(void)
{
	counter = mmap(NULL, 2 * sizeof(*counter), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counter == MAP_FAILED)
		return 1;
	enough = counter + 1;
	test_limit_seconds(100);
	check_share();
	check_killed_helper();
	check_killed_parent();
	check_signals(0);
	check_signals(NR_SLEEPERS / test_slowness());
	check_timeouts();
	check_stops();
	check_other_tracer();
	check_exec();
	return tap_finish();
}
