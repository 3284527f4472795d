// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that exit, are killed or execute a program in the middle of an injection; callers, too. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ptrace-inject/inject.h"
#include "test/inject/harness/harness.h"

#define EXIT_TARGETS 300
#define EXECS        150
#define CALLERS      200
#define ANSWER_MS    3000
/* Far below INJECT_DEADLINE_MS: death is noticed, not waited out. */
#define NOTICED_US 1000000

static void spin_us(int64_t us)
{
	int64_t end_us = test_now_us() + us;

	while (test_now_us() < end_us)
		;
}

static void *exit_group_later(void *argument)
{
	spin_us(*(int *)argument);
	_exit(3);
}

static void exit_after(struct target_side *side)
{
	side_say(side, 1);
	spin_us(*(const int *)side->argument);
	_exit(3);
}

static void exit_in_thread_after(struct target_side *side)
{
	int delay_us = *(const int *)side->argument;
	pthread_t thread;

	side_say(side, 1);
	pthread_create(&thread, NULL, exit_group_later, &delay_us);
	for (;;)
		pause();
}

struct outcome {
	int injected, gone, other, odd_status;
	int64_t longest_us;
};

static void inject_until_gone(struct target *target, struct outcome *outcome)
{
	for (;;) {
		int64_t start_us = test_now_us();
		int fd = -1;
		int error = inject_userfaultfd(target->pid, TEST_USERFAULTFD_FLAGS, &fd);
		int64_t took_us = test_now_us() - start_us;

		if (took_us > outcome->longest_us)
			outcome->longest_us = took_us;
		if (error == -ESRCH)
			break;
		if (error) {
			outcome->other++;
			tap_note("unexpected: %s", inject_strerror(error));
			break;
		}
		close(fd);
		outcome->injected++;
	}
	outcome->gone++;
}

static void check_exit(const char *name, void (*run)(struct target_side *side), int status,
		       bool killed)
{
	struct outcome outcome = { 0 };

	for (int i = 0; i < EXIT_TARGETS; i++) {
		int delay_us = killed ? 5000000 : (i * 7) % 1200;
		struct target target;
		pid_t killer = 0;
		uint64_t message;

		target_start(&target, run, &delay_us);
		if (!target_hear(&target, ANSWER_MS, &message))
			tap_bail_out("no target");
		if (killed) {
			killer = fork();
			if (!killer) {
				spin_us((i * 17) % 4000);
				kill(target.pid, SIGKILL);
				_exit(0);
			}
		}
		inject_until_gone(&target, &outcome);
		outcome.odd_status += target_wait(&target) != status;
		if (killer > 0)
			waitpid(killer, NULL, 0);
	}
	tap_ok(outcome.gone == EXIT_TARGETS && !outcome.other && !outcome.odd_status,
	       "%s: %d targets gone with their own status (%d not), %d injections before", name,
	       outcome.gone, outcome.odd_status, outcome.injected);
	tap_ok(outcome.longest_us < NOTICED_US * test_slowness(),
	       "%s: noticed at once (longest %jd us)", name, (intmax_t)outcome.longest_us);
}

/* The program that executes itself: execs left, whether a thread does it, descriptors expected. */
static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static char **next_arguments;

static void *execute_next(void *argument)
{
	(void)argument;
	execv("/proc/self/exe", next_arguments);
	_exit(4);
}

/* The leak check at exit ptraces its own process, in which an injection may be under way. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static int run_executed(char **arguments)
{
	int left = atoi(arguments[2]), in_thread = atoi(arguments[3]);
	static char number[16];
	pthread_t thread;

	alarm(20 * test_slowness());
	if (count_descriptors() != atoi(arguments[4]))
		return 5;
	if (!left)
		return 0;
	snprintf(number, sizeof(number), "%d", left - 1);
	arguments[2] = number;
	next_arguments = arguments;
	if (!in_thread)
		execute_next(NULL);
	pthread_create(&thread, NULL, execute_next, NULL);
	for (;;)
		pause();
}

static void execute(struct target_side *side)
{
	static char execs[16], descriptors[16];
	char *arguments[] = { "test", "execute", execs, (char *)side->argument, descriptors, NULL };

	/* The pipes are close-on-exec: two less. */
	snprintf(execs, sizeof(execs), "%d", EXECS);
	snprintf(descriptors, sizeof(descriptors), "%d", count_descriptors() - 2);
	next_arguments = arguments;
	side_say(side, 1);
	execute_next(NULL);
}

static void check_exec(const char *name, const char *in_thread)
{
	struct outcome outcome = { 0 };
	struct target target;
	uint64_t message;
	int status;

	target_start(&target, execute, in_thread);
	if (!target_hear(&target, ANSWER_MS, &message))
		tap_bail_out("no target");
	/* An exec may end an injection with -ESRCH, too; the end is when the task is a zombie. */
	while (target_state(target.pid) != 'Z' && !outcome.other)
		inject_until_gone(&target, &outcome);
	status = target_wait(&target);
	/* How many get through between two execs is the machine's affair; none would prove nothing. */
	tap_ok(status == 0 && !outcome.other && outcome.injected > 0,
	       "%s: status %#x after %d execs, %d injections, no descriptor left", name, status,
	       EXECS, outcome.injected);
	tap_ok(outcome.longest_us < NOTICED_US * test_slowness(), "%s: no waiting (longest %jd us)",
	       name, (intmax_t)outcome.longest_us);
}

static void echo(struct target_side *side)
{
	uint64_t message;

	side_say(side, 1);
	while ((message = side_hear(side)))
		side_say(side, message + 1);
}

static void inject_for_ever(struct target_side *side)
{
	side_say(side, 1);
	for (;;)
		target_inject_only(*(const pid_t *)side->argument, 1);
}

/* The helper outlives its caller for as long as it takes to put the task back. */
static bool becomes_like(pid_t pid, const char before[SNAPSHOT_BYTES])
{
	int64_t end_us = test_now_us() + ANSWER_MS * 1000 * test_slowness();
	char after[SNAPSHOT_BYTES];

	do {
		target_snapshot(pid, after);
		if (!strcmp(before, after))
			return true;
	} while (test_now_us() < end_us);
	tap_note("before:\n%s\nafter:\n%s", before, after);
	return false;
}

static void check_caller_killed(void)
{
	char before[SNAPSHOT_BYTES];
	struct target target, caller;
	uint64_t message;
	int intact = 0;

	target_start(&target, echo, NULL);
	if (!target_hear(&target, ANSWER_MS, &message))
		tap_bail_out("no target");
	target_snapshot(target.pid, before);
	for (int i = 0; i < CALLERS; i++) {
		target_start(&caller, inject_for_ever, &target.pid);
		if (!target_hear(&caller, ANSWER_MS, &message))
			tap_bail_out("no caller");
		spin_us((i * 13) % 1500);
		target_end(&caller);
		target_say(&target, 41);
		intact += target_hear(&target, ANSWER_MS, &message) && message == 42 &&
			  becomes_like(target.pid, before);
	}
	tap_ok(intact == CALLERS, "caller killed: the task is intact %d of %d times", intact,
	       CALLERS);
	target_end(&target);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "execute"))
		return run_executed(argv);
	test_limit_seconds(50);
	check_exit("exit", exit_after, 3 << 8, false);
	check_exit("exit of the group", exit_in_thread_after, 3 << 8, false);
	check_exit("killed", exit_after, SIGKILL, true);
	check_exec("exec", "0");
	check_exec("exec by another thread", "1");
	check_caller_killed();
	return tap_finish();
}
