/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of ptrace-inject/: TAP output, and targets, which are forked children that run
 * one function. A target talks to the test through two pipes, eight bytes a message; it dies
 * with the test (PR_SET_PDEATHSIG). target_inject() is the check that all tests share: the
 * injection brings a userfaultfd, and the target looks afterwards as it did before.
 * Anything that goes wrong in the harness itself ends the test as failed ("Bail out!").
 */
#ifndef LAZY_WP_TEST_INJECT_HARNESS_H
#define LAZY_WP_TEST_INJECT_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TEST_SKIPPED 77

/* UFFD_USER_MODE_ONLY: what the project asks for. */
#define TEST_USERFAULTFD_FLAGS 1

/* One TAP line; returns ok. */
bool tap_ok(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tap_skip(const char *what, const char *reason);
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void __attribute__((noreturn, format(printf, 1, 2))) tap_bail_out(const char *format, ...);
/* Prints the plan and returns the exit status of the program: 0, 1, or 77 if all was skipped. */
int tap_finish(void);

/*
 * By how much slower than usual this machine may be: $LAZY_WP_TEST_SLOWNESS, normally 1, more for
 * an emulated one. Limits that are given to the functions below are multiplied by it.
 */
unsigned int test_slowness(void);

/* Ends the whole test as failed after so many seconds. */
void test_limit_seconds(unsigned int seconds);

int64_t test_now_us(void);

struct target {
	pid_t pid;
	int to_target, from_target;
};

/* What a target's function gets. */
struct target_side {
	int in, out;
	const void *argument;
};

/* Forks; the child runs run(side) and exits 0 if that returns. */
void target_start(struct target *target, void (*run)(struct target_side *side),
		  const void *argument);
/* Kills and reaps the target. */
void target_end(struct target *target);
/* Reaps a target that ends by itself; returns its wait status. */
int target_wait(struct target *target);

void side_say(struct target_side *side, uint64_t message);
/* Returns 0 when the test has gone. */
uint64_t side_hear(struct target_side *side);
void target_say(struct target *target, uint64_t message);
/* Waits up to limit_ms for a message; false when none comes or the target has ended. */
bool target_hear(struct target *target, int limit_ms, uint64_t *ret_message);

/*
 * Waits until thread pid sleeps in system call nr, or in restart_syscall, by which the kernel
 * continues calls with a timeout (/proc/PID/syscall); bails out after 5 s.
 */
void target_wait_in_syscall(pid_t pid, long nr);
/* Waits until the state letter of /proc/PID/stat is state; bails out after 5 s. */
void target_wait_state(pid_t pid, char state);
char target_state(pid_t pid);

/* All that an outsider can see of a target that must not change by an injection. */
#define SNAPSHOT_BYTES 8192
void target_snapshot(pid_t pid, char snapshot[SNAPSHOT_BYTES]);

/* inject_userfaultfd() times times; bails out unless each brings a userfaultfd. */
void target_inject_only(pid_t pid, int times);
/* The same with a snapshot before and after: one TAP line. */
void target_inject(struct target *target, int times, const char *what);

#endif
