/* SPDX-License-Identifier: GPL-2.0-only */
/* For test_registers.c, which says what these are. */
#ifndef LAZY_WP_TEST_INJECT_REGISTERS_AARCH64_H
#define LAZY_WP_TEST_INJECT_REGISTERS_AARCH64_H

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/rseq.h>

#include "test/inject/registers.h"

/* Of <asm/hwcap.h> and <linux/prctl.h>, which not every system has so new. */
#define HWCAP_HAS_SVE  (1UL << 22)
#define HWCAP2_HAS_SME (1UL << 23)
#define GET_SVE_LENGTH 51
#define GET_SME_LENGTH 64
#define LENGTH_MASK    0xffff

#define GENERAL_WORDS 31 /* x0 to x29, the flags; x30 counts */
#define VECTOR_WORDS  64
#define WORDS         (GENERAL_WORDS + 1 + VECTOR_WORDS)
#define FLAGS_WORD    30
#define FLAGS         UINT64_C(0xf0000000)

#define SAVE_CALLEE_SAVED               \
	"	stp x29, x30, [sp, #-192]!\n" \
	"	stp x19, x20, [sp, #16]\n"    \
	"	stp x21, x22, [sp, #32]\n"    \
	"	stp x23, x24, [sp, #48]\n"    \
	"	stp x25, x26, [sp, #64]\n"    \
	"	stp x27, x28, [sp, #80]\n"    \
	"	stp d8, d9, [sp, #96]\n"      \
	"	stp d10, d11, [sp, #112]\n"   \
	"	stp d12, d13, [sp, #128]\n"   \
	"	stp d14, d15, [sp, #144]\n"   \
	"	str x18, [sp, #160]\n"

#define RESTORE_CALLEE_SAVED          \
	"	ldr x18, [sp, #160]\n"      \
	"	ldp d14, d15, [sp, #144]\n" \
	"	ldp d12, d13, [sp, #128]\n" \
	"	ldp d10, d11, [sp, #112]\n" \
	"	ldp d8, d9, [sp, #96]\n"    \
	"	ldp x27, x28, [sp, #80]\n"  \
	"	ldp x25, x26, [sp, #64]\n"  \
	"	ldp x23, x24, [sp, #48]\n"  \
	"	ldp x21, x22, [sp, #32]\n"  \
	"	ldp x19, x20, [sp, #16]\n"  \
	"	ldp x29, x30, [sp], #192\n"

#define ALL_VECTORS                                                                            \
	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28," \
	"29,30,31\n"
#define ALL_PREDICATES ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"

/* clang-format off */
void spin_with_registers(const void *in, void *out, uint64_t count);
asm(".text\n"
    ".globl spin_with_registers\n"
    "spin_with_registers:\n"
    SAVE_CALLEE_SAVED
    "	str x1, [sp, #168]\n"
    "	mov x30, x2\n"
    ALL_VECTORS
    "	ldr q\\n, [x0, #(256+16*\\n)]\n"
    ".endr\n"
    "	ldr x1, [x0, #240]\n"
    "	msr nzcv, x1\n"
    ".irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "	ldr x\\n, [x0, #(8*\\n)]\n"
    ".endr\n"
    "	ldr x0, [x0]\n"
    "1:	sub x30, x30, #1\n"
    "	cbnz x30, 1b\n"
    "	str x0, [sp, #176]\n"
    "	ldr x0, [sp, #168]\n"
    ".irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "	str x\\n, [x0, #(8*\\n)]\n"
    ".endr\n"
    "	ldr x1, [sp, #176]\n"
    "	str x1, [x0]\n"
    "	mrs x1, nzcv\n"
    "	str x1, [x0, #240]\n"
    ALL_VECTORS
    "	str q\\n, [x0, #(256+16*\\n)]\n"
    ".endr\n"
    RESTORE_CALLEE_SAVED
    "	ret\n");

/*
 * 32 vectors, then 16 predicates of an eighth of the length; SVE's fault register is all ones. In
 * streaming mode the lengths are others, and there is no fault register.
 */
void spin_with_sve(const void *in, void *out, uint64_t count);
void spin_with_streaming_sve(const void *in, void *out, uint64_t count);
asm(".text\n"
    ".arch_extension sve\n"
    ".macro spin_with_vectors\n"
    ALL_VECTORS
    "	ldr z\\n, [x0, #\\n, mul vl]\n"
    ".endr\n"
    "	addvl x0, x0, #16\n"
    "	addvl x0, x0, #16\n"
    ALL_PREDICATES
    "	ldr p\\n, [x0, #\\n, mul vl]\n"
    ".endr\n"
    "1:	subs x2, x2, #1\n"
    "	b.ne 1b\n"
    ALL_VECTORS
    "	str z\\n, [x1, #\\n, mul vl]\n"
    ".endr\n"
    "	addvl x1, x1, #16\n"
    "	addvl x1, x1, #16\n"
    ALL_PREDICATES
    "	str p\\n, [x1, #\\n, mul vl]\n"
    ".endr\n"
    "	addpl x1, x1, #16\n"
    ".endm\n"
    ".globl spin_with_sve\n"
    "spin_with_sve:\n"
    SAVE_CALLEE_SAVED
    "	setffr\n"
    "	spin_with_vectors\n"
    "	rdffr p0.b\n"
    "	str p0, [x1]\n"
    RESTORE_CALLEE_SAVED
    "	ret\n"
    ".globl spin_with_streaming_sve\n"
    "spin_with_streaming_sve:\n"
    SAVE_CALLEE_SAVED
    "	.inst 0xd503437f\n" /* smstart sm */
    "	spin_with_vectors\n"
    "	.inst 0xd503427f\n" /* smstop sm */
    RESTORE_CALLEE_SAVED
    "	ret\n");
/* clang-format on */

static size_t len_of_registers(void)
{
	return WORDS * sizeof(uint64_t);
}

static void prepare_registers(uint64_t *in)
{
	/* What an interrupted system call would show in x0: here it is mere data. */
	if (in[1] & 1)
		in[0] = (uint64_t)-512;
	in[FLAGS_WORD] &= FLAGS;
	in[GENERAL_WORDS] = 0; /* not loaded: the vectors begin at a multiple of 16 bytes */
}

static size_t vector_length(int request)
{
	int length = prctl(request);

	return length > 0 ? (size_t)length & LENGTH_MASK : 0;
}

static size_t len_of_sve(void)
{
	size_t length = getauxval(AT_HWCAP) & HWCAP_HAS_SVE ? vector_length(GET_SVE_LENGTH) : 0;

	return 32 * length + 17 * length / 8;
}

static void prepare_sve(uint64_t *in)
{
	size_t length = vector_length(GET_SVE_LENGTH);

	memset((uint8_t *)in + 32 * length + 16 * length / 8, 0xff, length / 8);
}

static size_t len_of_streaming_sve(void)
{
	size_t length = getauxval(AT_HWCAP2) & HWCAP2_HAS_SME ? vector_length(GET_SME_LENGTH) : 0;

	return 32 * length + 16 * length / 8;
}

static const struct spinner spinners[] = {
	{ "general and SIMD registers", len_of_registers, prepare_registers, spin_with_registers },
	{ "SVE registers", len_of_sve, prepare_sve, spin_with_sve },
	{ "SVE registers in streaming mode", len_of_streaming_sve, NULL, spin_with_streaming_sve },
};

/*
 * One restartable sequence: it counts down and commits. Whenever the kernel sees the thread
 * outside of it, it forgets the sequence (rseq_cs becomes 0): being still inside then is the
 * failure looked for.
 */
static inline void run_sequence(uint64_t *rseq_cs, struct sequence_counts *counts)
{
	asm volatile(".pushsection __rseq_cs, \"aw\"\n"
		     ".balign 32\n"
		     "3:	.long 0, 0\n"
		     "	.quad 1f, 2f - 1f, 4f\n"
		     ".popsection\n"
		     "	adrp x9, 3b\n"
		     "	add x9, x9, :lo12:3b\n"
		     "	str x9, [%[rseq_cs]]\n"
		     "1:	mov w10, #20000\n"
		     "5:	subs w10, w10, #1\n"
		     "	b.ne 5b\n"
		     "	ldr x10, [%[rseq_cs]]\n"
		     "	cmp x9, x10\n"
		     "	b.ne 6f\n"
		     "	ldr x10, %[committed]\n"
		     "	add x10, x10, #1\n"
		     "	str x10, %[committed]\n"
		     "2:	b 7f\n"
		     "	.inst %c[signature]\n"
		     "4:	ldr x10, %[aborted]\n"
		     "	add x10, x10, #1\n"
		     "	str x10, %[aborted]\n"
		     "	b 7f\n"
		     "6:	ldr x10, %[unprotected]\n"
		     "	add x10, x10, #1\n"
		     "	str x10, %[unprotected]\n"
		     "7:\n"
		     : [committed] "+m"(counts->committed), [aborted] "+m"(counts->aborted),
		       [unprotected] "+m"(counts->unprotected)
		     : [rseq_cs] "r"(rseq_cs), [signature] "i"(RSEQ_SIG)
		     : "x9", "x10", "memory", "cc");
}

#endif
