// SPDX-License-Identifier: GPL-2.0-only
/* A task that computes finds its registers, and its restartable sequences, intact. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

#define INJECTIONS 300
#define ANSWER_MS  3000

#define SPINS 200000

#ifdef __x86_64__
#include "test/inject/registers-x86_64.h"
#else
#include "test/inject/registers-aarch64.h"
#endif

static volatile int stop;

static uint64_t spin_until_stopped(const struct spinner *spinner, uint64_t seed)
{
	uint64_t in[SPINNER_BYTES_MAX / 8], out[SPINNER_BYTES_MAX / 8], wrong = 0;
	size_t len = spinner->len_bytes();

	while (!stop) {
		for (size_t i = 0; i < (len + 7) / 8; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			in[i] = seed;
		}
		if (spinner->prepare)
			spinner->prepare(in);
		memset(out, 0, sizeof(out));
		spinner->spin(in, out, SPINS);
		wrong += memcmp(in, out, len) != 0;
	}
	return wrong;
}

static void *spin_thread(void *argument)
{
	return (void *)spin_until_stopped(argument, 7);
}

static void *wait_for_stop(void *argument)
{
	side_hear(argument);
	stop = 1;
	return NULL;
}

/* The leader, which is the one injected into, and one more thread compute. */
static void spin(struct target_side *side)
{
	pthread_t spinner, waiter;
	void *wrong_there;
	uint64_t wrong;

	pthread_create(&spinner, NULL, spin_thread, (void *)side->argument);
	pthread_create(&waiter, NULL, wait_for_stop, side);
	side_say(side, 1);
	wrong = spin_until_stopped(side->argument, 1);
	pthread_join(spinner, &wrong_there);
	side_say(side, wrong + (uint64_t)wrong_there);
	side_hear(side);
}

static void check_registers(const struct spinner *spinner)
{
	struct target target;
	uint64_t wrong = 1;
	bool answered;

	if (!spinner->len_bytes()) {
		tap_skip(spinner->name, "not on this machine");
		return;
	}
	target_start(&target, spin, spinner);
	if (!target_hear(&target, ANSWER_MS, &wrong))
		tap_bail_out("no target");
	target_inject(&target, INJECTIONS, "computing");
	target_say(&target, 1);
	answered = target_hear(&target, ANSWER_MS, &wrong);
	tap_ok(answered && !wrong, "computing: %s intact (%ju times not)", spinner->name,
	       (uintmax_t)wrong);
	target_end(&target);
}

static void run_sequences(struct target_side *side)
{
	struct rseq *rseq = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	struct sequence_counts counts = { 0 };
	pthread_t waiter;

	pthread_create(&waiter, NULL, wait_for_stop, side);
	side_say(side, 1);
	while (!stop)
		run_sequence((uint64_t *)&rseq->rseq_cs, &counts);
	side_say(side, counts.committed);
	side_say(side, counts.aborted);
	side_say(side, counts.unprotected);
	side_hear(side);
}

static void check_sequences(void)
{
	struct sequence_counts counts = { 0 };
	struct target target;
	uint64_t message;

	if (!__rseq_size) {
		tap_skip("restartable sequences", "not registered by the C library");
		return;
	}
	target_start(&target, run_sequences, NULL);
	if (!target_hear(&target, ANSWER_MS, &message))
		tap_bail_out("no target");
	target_inject(&target, INJECTIONS, "restartable sequences");
	target_say(&target, 1);
	if (!target_hear(&target, ANSWER_MS, &counts.committed) ||
	    !target_hear(&target, ANSWER_MS, &counts.aborted) ||
	    !target_hear(&target, ANSWER_MS, &counts.unprotected))
		tap_bail_out("no answer");
	tap_ok(counts.committed && counts.aborted && !counts.unprotected,
	       "restartable sequences: %ju ended, %ju aborted, %ju went on unprotected",
	       (uintmax_t)counts.committed, (uintmax_t)counts.aborted,
	       (uintmax_t)counts.unprotected);
	target_end(&target);
}

int main(void)
{
	test_limit_seconds(20);
	for (size_t i = 0; i < sizeof(spinners) / sizeof(spinners[0]); i++)
		check_registers(&spinners[i]);
	check_sequences();
	return tap_finish();
}
