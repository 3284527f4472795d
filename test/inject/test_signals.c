// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that arrive during injections: each delivered once, in order, to the system call that
 * should see it, under the mask that should be in force. A second child sends them while the test
 * injects as fast as it can.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

#define QUEUED_SIGNALS 20000
#define PING_SIGNALS   5000
#define ANSWER_MS      3000

static volatile sig_atomic_t usr1_seen, usr2_seen, usr2_too_early, alarms, queued, out_of_order;

static void on_queued(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_value.sival_int != queued || info->si_code != SI_QUEUE)
		out_of_order = 1;
	queued++;
}

static void on_usr1(int signal)
{
	(void)signal;
	usr1_seen++;
}

/* Sent before a SIGUSR1 each time, but blocked until that has been handled. */
static void on_usr2(int signal)
{
	(void)signal;
	if (usr2_seen >= usr1_seen)
		usr2_too_early = 1;
	usr2_seen++;
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(signal, &action, NULL);
}

static sigset_t set_of(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	if (signal)
		sigaddset(&set, signal);
	return set;
}

/* Sleeps, polls and computes by turns with a timer of its own until all signals have come. */
static void take_queued_signals(struct target_side *side)
{
	const struct itimerval often = { .it_interval.tv_usec = 700, .it_value.tv_usec = 700 };
	const struct timespec little = { .tv_nsec = 300000 };
	struct sigaction action = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };

	sigaction(SIGRTMIN, &action, NULL);
	handle(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	side_say(side, 1);
	while (queued < QUEUED_SIGNALS) {
		sigset_t none = set_of(0);

		nanosleep(&little, NULL);
		ppoll(NULL, 0, &little, &none);
		for (volatile int i = 0; i < 20000; i++)
			;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	side_say(side, (uint64_t)queued);
	side_say(side, (uint64_t)out_of_order);
	/* One more would still be counted here. */
	side_hear(side);
	side_say(side, (uint64_t)queued);
	side_hear(side);
}

/* SIGUSR1 is blocked but for the wait itself: none may be slept over. */
static void answer_in_sigsuspend(struct target_side *side)
{
	sigset_t usr1 = set_of(SIGUSR1), none = set_of(0);

	handle(SIGUSR1, on_usr1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	side_say(side, 1);
	for (;;) {
		int result = sigsuspend(&none);

		side_say(side, result == -1 && errno == EINTR ? (uint64_t)usr1_seen : 0);
	}
}

static void answer_in_ppoll(struct target_side *side)
{
	sigset_t usr1 = set_of(SIGUSR1), none = set_of(0);

	handle(SIGUSR1, on_usr1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	side_say(side, 1);
	for (;;) {
		int result = ppoll(NULL, 0, NULL, &none);

		side_say(side, result == -1 && errno == EINTR ? (uint64_t)usr1_seen : 0);
	}
}

/* Not blocked: once the task waits, a signal must end the wait. */
static void answer_in_plain_ppoll(struct target_side *side)
{
	handle(SIGUSR1, on_usr1);
	side_say(side, 1);
	for (;;) {
		int result = (int)syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);

		side_say(side, result == -1 && errno == EINTR ? (uint64_t)usr1_seen : 0);
	}
}

static void answer_in_nanosleep(struct target_side *side)
{
	const struct timespec hour = { .tv_sec = 3600 };

	handle(SIGUSR1, on_usr1);
	side_say(side, 1);
	for (;;) {
		int result = nanosleep(&hour, NULL);

		side_say(side, result == -1 && errno == EINTR ? (uint64_t)usr1_seen : 0);
	}
}

/* SIGUSR2 is blocked by the temporary mask only. */
static void answer_with_usr2_held_back(struct target_side *side)
{
	sigset_t usr1 = set_of(SIGUSR1), usr2 = set_of(SIGUSR2);
	struct sigaction action = { .sa_handler = on_usr2 };

	handle(SIGUSR1, on_usr1);
	sigaction(SIGUSR2, &action, NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	side_say(side, 1);
	for (;;) {
		int result = sigsuspend(&usr2);

		side_say(side, result == -1 && errno == EINTR && !usr2_too_early ?
				       (uint64_t)usr1_seen :
				       0);
	}
}

struct sender {
	struct target target;
	long nr;          /* where the target waits */
	bool wait_asleep; /* send only while it is seen there */
	bool usr2_first;
	int signals;
};

static void send_queued(struct target_side *side)
{
	const struct sender *sender = side->argument;

	for (int i = 0; i < sender->signals; i++) {
		union sigval value = { .sival_int = i };

		while (sigqueue(sender->target.pid, SIGRTMIN, value))
			if (errno != EAGAIN)
				_exit(1);
		if (i % 16 == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	side_say(side, (uint64_t)sender->signals);
}

static void wait_until_asleep(const struct sender *sender)
{
	char path[64], line[256];
	int64_t end_us = test_now_us() + ANSWER_MS * 1000 * test_slowness();

	snprintf(path, sizeof(path), "/proc/%d/syscall", sender->target.pid);
	while (test_now_us() < end_us) {
		FILE *file = fopen(path, "re");
		bool read = file && fgets(line, sizeof(line), file);
		long nr = read ? strtol(line, NULL, 10) : 0;

		if (file)
			fclose(file);
		if (read && line[0] != 'r' && (nr == sender->nr || nr == SYS_restart_syscall))
			return;
	}
}

static void ping(struct target_side *side)
{
	struct sender sender = *(const struct sender *)side->argument;
	uint64_t answer;
	int i;

	for (i = 0; i < sender.signals; i++) {
		if (sender.wait_asleep)
			wait_until_asleep(&sender);
		if (sender.usr2_first)
			kill(sender.target.pid, SIGUSR2);
		kill(sender.target.pid, SIGUSR1);
		if (!target_hear(&sender.target, ANSWER_MS, &answer) || answer != (uint64_t)i + 1)
			break;
	}
	side_say(side, (uint64_t)i);
}

/* Injects until the sender is done; returns what it said. */
static uint64_t inject_until_done(struct target *target, struct target *sender, int *ret_injections)
{
	uint64_t message = 0;

	*ret_injections = 0;
	/* What it said last may have come between the two looks. */
	while (!target_hear(sender, 0, &message)) {
		if (target_state(sender->pid) == 'Z') {
			target_hear(sender, 0, &message);
			break;
		}
		target_inject_only(target->pid, 1);
		++*ret_injections;
	}
	return message;
}

static void check_queued(void)
{
	struct sender sender = { .signals = QUEUED_SIGNALS };
	struct target sending;
	uint64_t count = 0, disorder = 1, final = 0;
	int injections;

	target_start(&sender.target, take_queued_signals, NULL);
	if (!target_hear(&sender.target, ANSWER_MS, &count))
		tap_bail_out("no target");
	target_start(&sending, send_queued, &sender);
	inject_until_done(&sender.target, &sending, &injections);
	target_end(&sending);
	if (tap_ok(target_hear(&sender.target, ANSWER_MS, &count), "queued: all have come")) {
		target_hear(&sender.target, ANSWER_MS, &disorder);
		target_inject_only(sender.target.pid, 10);
		target_say(&sender.target, 1);
		target_hear(&sender.target, ANSWER_MS, &final);
	}
	tap_ok(final == QUEUED_SIGNALS, "queued: %ju of %d handled during %d injections",
	       (uintmax_t) final, QUEUED_SIGNALS, injections);
	tap_ok(!disorder, "queued: in the order sent, with their values");
	target_end(&sender.target);
}

static void check_ping(const char *name, void (*answer)(struct target_side *side),
		       struct sender *sender)
{
	char before[SNAPSHOT_BYTES], after[SNAPSHOT_BYTES];
	struct target sending;
	uint64_t answered;
	int injections;

	sender->signals = PING_SIGNALS;
	target_start(&sender->target, answer, NULL);
	if (!target_hear(&sender->target, ANSWER_MS, &answered))
		tap_bail_out("no target");
	target_wait_in_syscall(sender->target.pid, sender->nr);
	target_snapshot(sender->target.pid, before);
	target_start(&sending, ping, sender);
	answered = inject_until_done(&sender->target, &sending, &injections);
	target_end(&sending);
	tap_ok(answered == PING_SIGNALS, "%s: %ju of %d signals answered during %d injections",
	       name, (uintmax_t)answered, PING_SIGNALS, injections);
	target_wait_in_syscall(sender->target.pid, sender->nr);
	target_snapshot(sender->target.pid, after);
	if (!tap_ok(!strcmp(before, after), "%s: looks as before", name))
		tap_note("before:\n%s\nafter:\n%s", before, after);
	target_end(&sender->target);
}

int main(void)
{
	test_limit_seconds(50);
	check_queued();
	check_ping("sigsuspend", answer_in_sigsuspend, &(struct sender){ .nr = SYS_rt_sigsuspend });
	check_ping("ppoll with a mask", answer_in_ppoll, &(struct sender){ .nr = SYS_ppoll });
	check_ping("ppoll", answer_in_plain_ppoll,
		   &(struct sender){ .nr = SYS_ppoll, .wait_asleep = true });
	check_ping("nanosleep", answer_in_nanosleep,
		   &(struct sender){ .nr = SYS_clock_nanosleep, .wait_asleep = true });
	check_ping("sigsuspend that blocks more", answer_with_usr2_held_back,
		   &(struct sender){
			   .nr = SYS_rt_sigsuspend, .wait_asleep = true, .usr2_first = true });
	return tap_finish();
}
