// SPDX-License-Identifier: GPL-2.0-only
/* A stopped task stays stopped, and nobody is told of stops and continuations that are not. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

#define INJECTIONS  100
#define LOOKS       500
#define STOP_CYCLES 200
#define ANSWER_MS   3000
#define SLEEP_US    600000 /* more where everything is slow */

static volatile sig_atomic_t continued;

static void on_continue(int signal)
{
	(void)signal;
	continued++;
}

static void count_continuations(struct target_side *side)
{
	struct sigaction action = { .sa_handler = on_continue, .sa_flags = SA_RESTART };
	uint64_t message;

	sigaction(SIGCONT, &action, NULL);
	side_say(side, 1);
	while ((message = side_hear(side)))
		side_say(side, (uint64_t)continued + message);
}

static int next_event(pid_t pid, int options)
{
	int status = 0;
	pid_t waited = waitpid(pid, &status, WUNTRACED | WCONTINUED | options);

	if (waited < 0)
		tap_bail_out("waitpid: %m");
	return waited ? status : 0;
}

static bool answers(struct target *target, uint64_t say, uint64_t expected)
{
	uint64_t answer = 0;

	target_say(target, say);
	return target_hear(target, ANSWER_MS, &answer) && answer == expected;
}

static void start_counter(struct target *target)
{
	uint64_t message;

	target_start(target, count_continuations, NULL);
	if (!target_hear(target, ANSWER_MS, &message))
		tap_bail_out("no target");
}

/* Whoever looks, or seizes it, next finds it as it was. */
static void check_stopped_at_once(struct target *target)
{
	int stopped = 0;

	for (int i = 0; i < LOOKS; i++) {
		target_inject_only(target->pid, 1);
		stopped += target_state(target->pid) == 'T';
	}
	tap_ok(stopped == LOOKS, "stopped right after %d of %d injections", stopped, LOOKS);
}

static void check_stopped(int signal, bool report_first)
{
	struct target target;

	start_counter(&target);
	kill(target.pid, signal);
	target_wait_state(target.pid, 'T');
	if (report_first)
		tap_ok(WSTOPSIG(next_event(target.pid, 0)) == signal, "signal %d: stop reported",
		       signal);
	target_inject(&target, INJECTIONS, "stopped");
	check_stopped_at_once(&target);
	if (!report_first)
		tap_ok(WSTOPSIG(next_event(target.pid, 0)) == signal,
		       "signal %d: stop from before still reported", signal);
	tap_ok(next_event(target.pid, WNOHANG) == 0, "signal %d: nothing else reported", signal);
	tap_ok(target_state(target.pid) == 'T', "signal %d: stopped after the injections", signal);
	kill(target.pid, SIGCONT);
	tap_ok(WIFCONTINUED(next_event(target.pid, 0)), "signal %d: continuation reported", signal);
	tap_ok(answers(&target, 100, 101), "signal %d: continued once", signal);
	target_end(&target);
}

/* The stop hits anywhere in an injection; afterwards the task must be stopped all the same. */
static void check_stop_during_injection(void)
{
	struct target target;
	int stopped = 0, i;

	start_counter(&target);
	for (i = 0; i < STOP_CYCLES; i++) {
		pid_t sender = fork();

		if (!sender) {
			nanosleep(&(struct timespec){ .tv_nsec = 1000 * (i % 400) }, NULL);
			kill(target.pid, SIGSTOP);
			_exit(0);
		}
		target_inject_only(target.pid, 3);
		waitpid(sender, NULL, 0);
		target_wait_state(target.pid, 'T');
		stopped += WSTOPSIG(next_event(target.pid, 0)) == SIGSTOP &&
			   next_event(target.pid, WNOHANG) == 0;
		kill(target.pid, SIGCONT);
		/* A SIGCONT not yet handled would be dropped by the next SIGSTOP. */
		if (!WIFCONTINUED(next_event(target.pid, 0)) ||
		    !answers(&target, 1000, (uint64_t)(1000 + i + 1)))
			break;
	}
	tap_ok(stopped == STOP_CYCLES && i == STOP_CYCLES,
	       "stopped %d and continued %d of %d times during injections", stopped, i,
	       STOP_CYCLES);
	target_end(&target);
}

static uint64_t sleep_us(void)
{
	return (uint64_t)SLEEP_US * test_slowness();
}

static void sleep_once(struct target_side *side)
{
	const struct timespec time = { (time_t)(sleep_us() / 1000000),
				       (long)(sleep_us() % 1000000) * 1000 };
	int64_t start_us = test_now_us();
	int result;

	side_say(side, 1);
	result = nanosleep(&time, NULL);
	side_say(side, result ? 0 : (uint64_t)(test_now_us() - start_us));
	side_hear(side);
}

static void check_stopped_in_sleep(void)
{
	struct target target;
	uint64_t message = 0, end_us;
	int64_t start_us;

	target_start(&target, sleep_once, NULL);
	target_hear(&target, ANSWER_MS, &message);
	start_us = test_now_us();
	kill(target.pid, SIGSTOP);
	target_wait_state(target.pid, 'T');
	target_inject(&target, INJECTIONS, "stopped in a sleep");
	/* Over by now on a busy machine, the sleep ends at once; begun anew, it would take as long again. */
	end_us = (uint64_t)(test_now_us() - start_us);
	if (end_us < sleep_us())
		end_us = sleep_us();
	kill(target.pid, SIGCONT);
	message = 0;
	target_hear(&target, ANSWER_MS, &message);
	tap_ok(message >= sleep_us() && message < end_us + sleep_us() * 5 / 6,
	       "stopped in a sleep: it took %ju us of %ju", (uintmax_t)message,
	       (uintmax_t)sleep_us());
	target_end(&target);
}

static int run_tests(void)
{
	check_stopped(SIGSTOP, true);
	check_stopped(SIGTSTP, false);
	check_stop_during_injection();
	check_stopped_in_sleep();
	return tap_finish();
}

/*
 * In an orphaned process group, which is what a test runner's new session gives us, SIGTSTP does
 * not stop. A group whose leader has a parent in another group of the session is none.
 */
int main(void)
{
	int status = 1;
	pid_t child;

	test_limit_seconds(30);
	child = fork();
	if (!child) {
		setpgid(0, 0);
		test_limit_seconds(30);
		exit(run_tests());
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		tap_bail_out("no process group of our own: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
