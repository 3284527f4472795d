// SPDX-License-Identifier: GPL-2.0-only
#include "arch/arch.h"

/* struct user_pt_regs, <asm/ptrace.h>: x0..x30, sp, pc, pstate. */
enum { X0 = 0, X7 = 7, X8 = 8, SP = 31, PC, PSTATE, REGISTER_COUNT };

#define PSTATE_BTYPE      (UINT64_C(3) << 10)
#define SVC_0             UINT32_C(0xd4000001)
#define SYSCALL_LEN_BYTES 4

/* <linux/elf.h>, of which not every system header has all. */
#define NOTE_ARM_SYSTEM_CALL 0x404
#define NOTE_ARM_SVE         0x405
#define NOTE_ARM_SSVE        0x40b

/*
 * A system call zeroes what of the SVE registers lies above the FPSIMD ones and leaves streaming
 * mode (Documentation/arch/arm64/sve.rst and sme.rst): nothing to a program that makes the call,
 * a catastrophe to one that was preempted between two vector instructions.
 */
static const int volatile_notes[] = { NOTE_ARM_SVE, NOTE_ARM_SSVE, 0 };

static bool is_native(const struct arch_registers *registers)
{
	/* A 32-bit (AArch32) task answers with its own, shorter register set. */
	return registers->len_bytes == REGISTER_COUNT * sizeof(uint64_t);
}

static uint64_t instruction_pointer(const struct arch_registers *registers)
{
	return registers->word[PC];
}

static void set_instruction_pointer(struct arch_registers *registers, uint64_t address)
{
	registers->word[PC] = address;
}

/*
 * BTYPE: the task may have been stopped between an indirect branch and its landing pad; with the
 * old BTYPE the svc, which is no landing pad, would raise a branch target exception.
 * x7 must stay as it is: at system call stops the kernel shows entry or exit there and puts the
 * task's own value back afterwards, so whatever is written there at such a stop is dropped.
 */
static void prepare_syscall(struct arch_registers *registers, uint64_t address, long nr,
			    const uint64_t arguments[6])
{
	for (int i = 0; i < 6; i++)
		registers->word[X0 + i] = arguments[i];
	registers->word[X8] = (uint64_t)nr;
	registers->word[PC] = address;
	registers->word[PSTATE] &= ~PSTATE_BTYPE;
}

static bool is_syscall_instruction(const uint8_t code[SYSCALL_LEN_BYTES])
{
	uint32_t instruction = code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
			       (uint32_t)code[3] << 24;

	return instruction == SVC_0;
}

static bool find_syscall_instruction(const uint8_t *code, size_t len_bytes, size_t *ret_offset)
{
	for (size_t i = 0; i + SYSCALL_LEN_BYTES <= len_bytes; i += SYSCALL_LEN_BYTES) {
		if (is_syscall_instruction(code + i)) {
			*ret_offset = i;
			return true;
		}
	}
	return false;
}

/*
 * do_signal() has rewound pc before the stop; which of the ERESTART codes it was is a local
 * variable of that function and lost once the task leaves it. Letting the task run to the entry
 * of the call brings it out: x8 is then restart_syscall, or still the call itself.
 */
static bool restarts_syscall(const struct arch_registers *registers,
			     const uint8_t code[ARCH_CODE_LEN])
{
	(void)registers;
	return is_syscall_instruction(code + ARCH_CODE_BEFORE);
}

/*
 * Not provable here: do_signal() has forgotten the call before the stop, and a task back from a
 * handler that rightly interrupted the call looks the same. Restarting that one could make it
 * wait for ever; a superfluous EINTR is what every stop gives it.
 */
static bool restart_instead_of_eintr(struct arch_registers *registers,
				     const uint8_t code[ARCH_CODE_LEN])
{
	(void)registers;
	(void)code;
	return false;
}

/* The number is in syscall_number_note. */
static void cancel_syscall(struct arch_registers *registers)
{
	(void)registers;
}

/* x0 and x8 still hold what the call was entered with; x7 is explained at prepare_syscall(). */
static void rewind_syscall(struct arch_registers *registers, const struct arch_registers *before)
{
	registers->word[PC] -= SYSCALL_LEN_BYTES;
	registers->word[X7] = before->word[X7];
}

const struct arch_ops arch_aarch64 = {
	.name = "aarch64",
	.nr_userfaultfd = 282,
	.nr_close = 57,
	.syscall_number_note = NOTE_ARM_SYSTEM_CALL,
	.volatile_notes = volatile_notes,
	.is_native = is_native,
	.instruction_pointer = instruction_pointer,
	.set_instruction_pointer = set_instruction_pointer,
	.prepare_syscall = prepare_syscall,
	.find_syscall_instruction = find_syscall_instruction,
	.restarts_syscall = restarts_syscall,
	.restart_instead_of_eintr = restart_instead_of_eintr,
	.cancel_syscall = cancel_syscall,
	.rewind_syscall = rewind_syscall,
};
