/* SPDX-License-Identifier: GPL-2.0-only */
/* For test_registers.c, which says what these are. */
#ifndef LAZY_WP_TEST_INJECT_REGISTERS_X86_64_H
#define LAZY_WP_TEST_INJECT_REGISTERS_X86_64_H

#include <sys/rseq.h>

#include "test/inject/registers.h"

#define GENERAL_WORDS 15
#define VECTOR_WORDS  32
#define WORDS         (GENERAL_WORDS + VECTOR_WORDS)

/*
 * Loads all general registers but rsp and all SSE registers from in, counts count down to zero on
 * the stack, and stores them to out.
 */
void spin_with_registers(const void *in, void *out, uint64_t count);
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

static size_t len_of_registers(void)
{
	return WORDS * sizeof(uint64_t);
}

/* What an interrupted system call would show in rax: here it is mere data. */
static void prepare_registers(uint64_t *in)
{
	if (in[1] & 1)
		in[0] = (uint64_t)-512;
}

static const struct spinner spinners[] = {
	{ "general and SSE registers", len_of_registers, prepare_registers, spin_with_registers },
};

static inline void run_sequence(uint64_t *rseq_cs, struct sequence_counts *counts)
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

#endif
