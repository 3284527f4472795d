// SPDX-License-Identifier: GPL-2.0-only
/* Both back ends, on whatever machine this runs: register words in, register words out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "arch/arch.h"

/* Places in struct user_regs_struct (x86_64) and struct user_pt_regs (arm64). */
enum {
	X86_R10 = 7,
	X86_R9 = 8,
	X86_R8 = 9,
	X86_RAX = 10,
	X86_RDX = 12,
	X86_RSI = 13,
	X86_RDI = 14,
	X86_ORIG_RAX = 15,
	X86_RIP = 16,
	X86_CS = 17,
	X86_EFLAGS = 18,
	X86_WORDS = 27
};
enum { ARM_X7 = 7, ARM_X8 = 8, ARM_SP = 31, ARM_PC = 32, ARM_PSTATE = 33, ARM_WORDS = 34 };

static const uint64_t arguments[6] = { 101, 102, 103, 104, 105, 106 };
static const uint8_t no_code[ARCH_CODE_LEN];
static const uint8_t after_syscall[ARCH_CODE_LEN] = { 0x90, 0x90, 0x0f, 0x05, 0xc3 };
static const uint8_t after_int80[ARCH_CODE_LEN] = { 0x90, 0x90, 0xcd, 0x80, 0xc3 };
static const uint8_t at_svc[ARCH_CODE_LEN] = { 0, 0, 0, 0, 0x01, 0x00, 0x00, 0xd4 };
static const uint8_t after_svc[ARCH_CODE_LEN] = { 0x01, 0x00, 0x00, 0xd4, 0, 0, 0, 0 };

/* Every word is its own, so that a mixed-up index shows. */
static struct arch_registers distinct_registers(size_t words)
{
	struct arch_registers registers = { .len_bytes = words * sizeof(uint64_t) };

	for (size_t i = 0; i < words; i++)
		registers.word[i] = 0x1000 + i;
	return registers;
}

static struct arch_registers x86_registers(void)
{
	struct arch_registers registers = distinct_registers(X86_WORDS);

	registers.word[X86_CS] = 0x33;
	return registers;
}

static struct arch_registers x86_after_syscall(long nr, long result)
{
	struct arch_registers registers = x86_registers();

	registers.word[X86_ORIG_RAX] = (uint64_t)nr;
	registers.word[X86_RAX] = (uint64_t)result;
	return registers;
}

static void assert_same_but(const struct arch_registers *a, const struct arch_registers *b,
			    uint64_t different_words)
{
	assert_int_equal(a->len_bytes, b->len_bytes);
	for (size_t i = 0; i < a->len_bytes / sizeof(uint64_t); i++)
		if (!(different_words >> i & 1))
			assert_int_equal(a->word[i], b->word[i]);
}

#define WORD(n) (UINT64_C(1) << (n))

static void test_native(void **state)
{
	(void)state;
#ifdef __x86_64__
	assert_ptr_equal(arch_native(), &arch_x86_64);
#elif defined(__aarch64__)
	assert_ptr_equal(arch_native(), &arch_aarch64);
#endif
	assert_int_equal(arch_native()->nr_userfaultfd, SYS_userfaultfd);
	assert_int_equal(arch_native()->nr_close, SYS_close);
}

static void test_x86_is_native(void **state)
{
	struct arch_registers registers = x86_registers();

	(void)state;
	assert_true(arch_x86_64.is_native(&registers));
	registers.word[X86_CS] = 0x23;
	assert_false(arch_x86_64.is_native(&registers));
	registers = x86_registers();
	registers.len_bytes = 17 * 4;
	assert_false(arch_x86_64.is_native(&registers));
}

static void test_x86_prepare(void **state)
{
	struct arch_registers before = x86_registers(), registers;

	(void)state;
	before.word[X86_EFLAGS] = 0x346;
	registers = before;
	arch_x86_64.prepare_syscall(&registers, 0x7000, 323, arguments);
	assert_int_equal(registers.word[X86_RIP], 0x7000);
	assert_int_equal(registers.word[X86_RAX], 323);
	assert_int_equal(registers.word[X86_RDI], 101);
	assert_int_equal(registers.word[X86_RSI], 102);
	assert_int_equal(registers.word[X86_RDX], 103);
	assert_int_equal(registers.word[X86_R10], 104);
	assert_int_equal(registers.word[X86_R8], 105);
	assert_int_equal(registers.word[X86_R9], 106);
	assert_int_equal(registers.word[X86_EFLAGS], 0x246);
	assert_false(arch_x86_64.restarts_syscall(&registers, after_syscall));
	assert_int_equal(registers.word[X86_ORIG_RAX], UINT64_MAX);
	assert_same_but(&registers, &before,
			WORD(X86_RIP) | WORD(X86_RAX) | WORD(X86_RDI) | WORD(X86_RSI) |
				WORD(X86_RDX) | WORD(X86_R10) | WORD(X86_R8) | WORD(X86_R9) |
				WORD(X86_EFLAGS) | WORD(X86_ORIG_RAX));
}

static void test_x86_find(void **state)
{
	static const uint8_t code[] = { 0x0f, 0x0f, 0x05, 0x0f };
	size_t offset = 77;

	(void)state;
	assert_true(arch_x86_64.find_syscall_instruction(code, sizeof(code), &offset));
	assert_int_equal(offset, 1);
	offset = 77;
	assert_false(arch_x86_64.find_syscall_instruction(code, 2, &offset));
	assert_false(arch_x86_64.find_syscall_instruction(code + 3, 1, &offset));
	assert_false(arch_x86_64.find_syscall_instruction(code, 0, &offset));
	assert_int_equal(offset, 77);
}

static void test_x86_restarts(void **state)
{
	static const struct {
		long nr, result;
		bool restarts;
	} cases[] = {
		{ 0, -512, true },   { 34, -513, true },  { 34, -514, true },  { 35, -516, true },
		{ 34, -515, false }, { 34, -517, false }, { 34, -511, false }, { 0, -4, false },
		{ 0, 512, false },   { -1, -512, false }, { -1, -516, false }, { 39, 1234, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arch_registers registers = x86_after_syscall(cases[i].nr, cases[i].result);

		assert_int_equal(arch_x86_64.restarts_syscall(&registers, no_code),
				 cases[i].restarts);
	}
}

static void test_x86_eintr(void **state)
{
	struct arch_registers before = x86_after_syscall(232, -EINTR), registers = before;

	(void)state;
	assert_true(arch_x86_64.restart_instead_of_eintr(&registers, after_syscall));
	assert_true(arch_x86_64.restarts_syscall(&registers, after_syscall));
	assert_int_equal(registers.word[X86_RAX], (uint64_t)-514);
	assert_same_but(&registers, &before, WORD(X86_RAX));

	/* Not: a result, a call that may have done something, after a handler, a 32-bit call. */
	registers = x86_after_syscall(232, 4);
	assert_false(arch_x86_64.restart_instead_of_eintr(&registers, after_syscall));
	registers = x86_after_syscall(3, -EINTR);
	assert_false(arch_x86_64.restart_instead_of_eintr(&registers, after_syscall));
	registers = x86_after_syscall(-1, -EINTR);
	assert_false(arch_x86_64.restart_instead_of_eintr(&registers, after_syscall));
	registers = before;
	assert_false(arch_x86_64.restart_instead_of_eintr(&registers, after_int80));
	assert_same_but(&registers, &before, 0);
}

/* Entry stop: rax is -ENOSYS, orig_rax the number, rip after the instruction. */
static void test_x86_cancel_and_rewind(void **state)
{
	struct arch_registers entered = x86_after_syscall(219, -ENOSYS), registers = entered;

	(void)state;
	arch_x86_64.cancel_syscall(&registers);
	assert_int_equal(registers.word[X86_ORIG_RAX], UINT64_MAX);
	assert_same_but(&registers, &entered, WORD(X86_ORIG_RAX));

	registers = entered;
	arch_x86_64.rewind_syscall(&registers, &entered);
	assert_int_equal(registers.word[X86_RIP], entered.word[X86_RIP] - 2);
	assert_int_equal(registers.word[X86_RAX], 219);
	assert_false(arch_x86_64.restarts_syscall(&registers, after_syscall));
	assert_same_but(&registers, &entered, WORD(X86_RIP) | WORD(X86_RAX) | WORD(X86_ORIG_RAX));
}

static void test_instruction_pointer(void **state)
{
	struct arch_registers x86 = x86_registers(), arm = distinct_registers(ARM_WORDS);

	(void)state;
	assert_int_equal(arch_x86_64.instruction_pointer(&x86), 0x1000 + X86_RIP);
	assert_int_equal(arch_aarch64.instruction_pointer(&arm), 0x1000 + ARM_PC);
	arch_x86_64.set_instruction_pointer(&x86, 5);
	arch_aarch64.set_instruction_pointer(&arm, 6);
	assert_int_equal(x86.word[X86_RIP], 5);
	assert_int_equal(arm.word[ARM_PC], 6);
}

static void test_arm_is_native(void **state)
{
	struct arch_registers registers = distinct_registers(ARM_WORDS);

	(void)state;
	assert_true(arch_aarch64.is_native(&registers));
	registers.len_bytes = 18 * 4;
	assert_false(arch_aarch64.is_native(&registers));
}

static void test_arm_prepare(void **state)
{
	struct arch_registers before = distinct_registers(ARM_WORDS), registers;

	(void)state;
	before.word[ARM_PSTATE] = 0x60000c00;
	registers = before;
	arch_aarch64.prepare_syscall(&registers, 0x7000, 282, arguments);
	for (int i = 0; i < 6; i++)
		assert_int_equal(registers.word[i], 101 + i);
	assert_int_equal(registers.word[ARM_X8], 282);
	assert_int_equal(registers.word[ARM_PC], 0x7000);
	assert_int_equal(registers.word[ARM_PSTATE], 0x60000000);
	assert_same_but(&registers, &before, 0x3f | WORD(ARM_X8) | WORD(ARM_PC) | WORD(ARM_PSTATE));
}

static void test_arm_find(void **state)
{
	/* An svc at an odd place is none; neither is svc #1. */
	static const uint8_t code[] = { 0x00, 0x01, 0x00, 0x00, 0xd4, 0x00, 0x00, 0x00,
					0x21, 0x00, 0x00, 0xd4, 0x01, 0x00, 0x00, 0xd4 };
	size_t offset = 77;

	(void)state;
	assert_false(arch_aarch64.find_syscall_instruction(code, 15, &offset));
	assert_int_equal(offset, 77);
	assert_true(arch_aarch64.find_syscall_instruction(code, 16, &offset));
	assert_int_equal(offset, 12);
}

/* do_signal() has rewound pc: what matters is the instruction there, not the registers. */
static void test_arm_restarts(void **state)
{
	struct arch_registers registers = distinct_registers(ARM_WORDS), before = registers;

	(void)state;
	assert_true(arch_aarch64.restarts_syscall(&registers, at_svc));
	assert_false(arch_aarch64.restarts_syscall(&registers, after_svc));
	assert_false(arch_aarch64.restarts_syscall(&registers, no_code));
	registers.word[0] = before.word[0] = (uint64_t)-EINTR;
	registers.word[ARM_X8] = before.word[ARM_X8] = 22;
	assert_false(arch_aarch64.restart_instead_of_eintr(&registers, after_svc));
	assert_same_but(&registers, &before, 0);
}

/* x7 reads 0 at an entry stop; the program's own is that of the stop before. */
static void test_arm_cancel_and_rewind(void **state)
{
	struct arch_registers stopped = distinct_registers(ARM_WORDS), entered = stopped, registers;

	(void)state;
	entered.word[ARM_X7] = 0;
	entered.word[ARM_X8] = 128;
	entered.word[ARM_PC] += 4;
	registers = entered;
	arch_aarch64.cancel_syscall(&registers);
	assert_same_but(&registers, &entered, 0);
	assert_int_equal(arch_aarch64.syscall_number_note, 0x404);
	arch_aarch64.rewind_syscall(&registers, &stopped);
	assert_int_equal(registers.word[ARM_X8], 128);
	assert_same_but(&registers, &stopped, WORD(ARM_X8));
}

static void test_volatile_notes(void **state)
{
	(void)state;
	assert_int_equal(arch_x86_64.volatile_notes[0], 0);
	assert_int_equal(arch_aarch64.volatile_notes[0], 0x405);
	assert_int_equal(arch_aarch64.volatile_notes[1], 0x40b);
	assert_int_equal(arch_aarch64.volatile_notes[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_x86_is_native),
		cmocka_unit_test(test_x86_prepare),
		cmocka_unit_test(test_x86_find),
		cmocka_unit_test(test_x86_restarts),
		cmocka_unit_test(test_x86_eintr),
		cmocka_unit_test(test_x86_cancel_and_rewind),
		cmocka_unit_test(test_instruction_pointer),
		cmocka_unit_test(test_arm_is_native),
		cmocka_unit_test(test_arm_prepare),
		cmocka_unit_test(test_arm_find),
		cmocka_unit_test(test_arm_restarts),
		cmocka_unit_test(test_arm_cancel_and_rewind),
		cmocka_unit_test(test_volatile_notes),
	};

	return cmocka_run_group_tests_name("arch", tests, NULL, NULL);
}
