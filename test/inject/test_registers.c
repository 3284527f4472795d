// SPDX-License-Identifier: GPL-2.0-only
/* A task that computes finds its registers, and its restartable sequences, intact. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <unistd.h>

#include "test/inject/harness/harness.h"

#define INJECTIONS 300
#define ANSWER_MS  3000

#ifdef __x86_64__

#define GENERAL_WORDS 15
#define VECTOR_WORDS  32
#define WORDS         (GENERAL_WORDS + VECTOR_WORDS)
#define SPINS         200000

/*
 * Loads all general registers but rsp and all SSE registers from in, counts count down to zero on
 * the stack, and stores them to out.
 */
void spin_with_registers(const uint64_t *in, uint64_t *out, uint64_t count);
asm(".text\n"
    ".globl spin_with_registers\n"
    "spin_with_registers:\n"
    "	push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "	push %rsi\n push %rdx\n"
    "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu 120+16*\\n(%rdi), %xmm\\n\n"
    "	.endr\n"
    "	mov 0(%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n"
    "	mov 32(%rdi), %rsi\n mov 40(%rdi), %rbp\n mov 48(%rdi), %r8\n mov 56(%rdi), %r9\n"
    "	mov 64(%rdi), %r10\n mov 72(%rdi), %r11\n mov 80(%rdi), %r12\n mov 88(%rdi), %r13\n"
    "	mov 96(%rdi), %r14\n mov 104(%rdi), %r15\n mov 112(%rdi), %rdi\n"
    "1:	decq (%rsp)\n"
    "	jnz 1b\n"
    "	push %rdi\n"
    "	mov 16(%rsp), %rdi\n"
    "	mov %rax, 0(%rdi)\n mov %rbx, 8(%rdi)\n mov %rcx, 16(%rdi)\n mov %rdx, 24(%rdi)\n"
    "	mov %rsi, 32(%rdi)\n mov %rbp, 40(%rdi)\n mov %r8, 48(%rdi)\n mov %r9, 56(%rdi)\n"
    "	mov %r10, 64(%rdi)\n mov %r11, 72(%rdi)\n mov %r12, 80(%rdi)\n mov %r13, 88(%rdi)\n"
    "	mov %r14, 96(%rdi)\n mov %r15, 104(%rdi)\n"
    "	pop %rax\n"
    "	mov %rax, 112(%rdi)\n"
    "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu %xmm\\n, 120+16*\\n(%rdi)\n"
    "	.endr\n"
    "	pop %rdx\n pop %rsi\n"
    "	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
    "	ret\n");

static volatile int stop;

static uint64_t spin_until_stopped(uint64_t seed)
{
	uint64_t in[WORDS], out[WORDS], wrong = 0;

	while (!stop) {
		for (int i = 0; i < WORDS; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			in[i] = seed;
		}
		/* What an interrupted system call would show in rax: here it is mere data. */
		in[0] = seed & 1 ? (uint64_t)-512 : in[0];
		memset(out, 0, sizeof(out));
		spin_with_registers(in, out, SPINS);
		wrong += memcmp(in, out, sizeof(in)) != 0;
	}
	return wrong;
}

static void *spin_thread(void *argument)
{
	return (void *)spin_until_stopped((uint64_t)argument);
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

	pthread_create(&spinner, NULL, spin_thread, (void *)7);
	pthread_create(&waiter, NULL, wait_for_stop, side);
	side_say(side, 1);
	wrong = spin_until_stopped(1);
	pthread_join(spinner, &wrong_there);
	side_say(side, wrong + (uint64_t)wrong_there);
	side_hear(side);
}

static void check_registers(void)
{
	struct target target;
	uint64_t wrong = 1;
	bool answered;

	target_start(&target, spin, NULL);
	if (!target_hear(&target, ANSWER_MS, &wrong))
		tap_bail_out("no target");
	target_inject(&target, INJECTIONS, "computing");
	target_say(&target, 1);
	answered = target_hear(&target, ANSWER_MS, &wrong);
	tap_ok(answered && !wrong, "computing: general and SSE registers intact (%ju times not)",
	       (uintmax_t)wrong);
	target_end(&target);
}

struct sequence_counts {
	uint64_t committed, aborted, unprotected;
};

/*
 * One restartable sequence: it counts down and commits. Whenever the kernel sees the thread
 * outside of it, it forgets the sequence (rseq_cs becomes 0): being still inside then is the
 * failure looked for.
 */
static void run_sequence(uint64_t *rseq_cs, struct sequence_counts *counts)
{
	asm volatile(".pushsection __rseq_cs, \"aw\"\n"
		     ".balign 32\n"
		     "3:	.long 0, 0\n"
		     "	.quad 1f, 2f - 1f, 4f\n"
		     ".popsection\n"
		     "	leaq 3b(%%rip), %%rax\n"
		     "	movq %%rax, (%[rseq_cs])\n"
		     "1:	movl $20000, %%ecx\n"
		     "5:	decl %%ecx\n"
		     "	jnz 5b\n"
		     "	cmpq %%rax, (%[rseq_cs])\n"
		     "	jne 6f\n"
		     "	incq %[committed]\n"
		     "2:	jmp 7f\n"
		     "	.byte 0x0f, 0xb9, 0x3d\n"
		     "	.long %c[signature]\n"
		     "4:	incq %[aborted]\n"
		     "	jmp 7f\n"
		     "6:	incq %[unprotected]\n"
		     "7:\n"
		     : [committed] "+m"(counts->committed), [aborted] "+m"(counts->aborted),
		       [unprotected] "+m"(counts->unprotected)
		     : [rseq_cs] "r"(rseq_cs), [signature] "i"(RSEQ_SIG)
		     : "rax", "rcx", "memory", "cc");
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
	check_registers();
	check_sequences();
	return tap_finish();
}

#else

int main(void)
{
	tap_skip("registers", "written for x86_64 only");
	return tap_finish();
}

#endif
