/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ptrace-inject/ must know about a processor, as a table of pure functions: register words
 * and instruction bytes in and out, no system call, no header of the machine itself. So both back
 * ends compile and are tested on either machine.
 *
 * "At the stop" below is the ptrace stop that PTRACE_INTERRUPT leads to. It lies inside the
 * kernel's signal code. x86 decides about restarting an interrupted system call after that stop,
 * from the registers found then; arm64 has decided before it (the program counter is already back
 * on the svc and x0 holds the first argument again), but switches x8 to restart_syscall only
 * after it. Neither shows everything. Both show everything at the system-call-entry stop that
 * follows when the task is simply let run on: see restarts_syscall.
 */
#ifndef LAZY_WP_ARCH_ARCH_H
#define LAZY_WP_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than any NT_PRSTATUS general register set known here (arm64: 34 words). */
#define ARCH_REGISTER_WORDS_MAX 64

/* The general registers as PTRACE_GETREGSET(NT_PRSTATUS) gives them. */
struct arch_registers {
	size_t len_bytes; /* how much the kernel filled in */
	uint64_t word[ARCH_REGISTER_WORDS_MAX];
};

/* The code around the instruction pointer: four bytes before it, four from it on. */
#define ARCH_CODE_BEFORE 4
#define ARCH_CODE_LEN    8

struct arch_ops {
	const char *name;
	long nr_userfaultfd, nr_close;

	/* Register set (NT_*) holding the system call number; 0: it is a general register. */
	int syscall_number_note;

	/*
	 * Register sets (NT_*, ended by 0) that a system call is allowed to destroy and a
	 * preempted program still needs.
	 */
	const int *volatile_notes;

	/* False for a task running 32-bit code. */
	bool (*is_native)(const struct arch_registers *registers);

	uint64_t (*instruction_pointer)(const struct arch_registers *registers);
	void (*set_instruction_pointer)(struct arch_registers *registers, uint64_t address);

	/*
	 * Makes the registers those of a program about to execute the system call instruction at
	 * address with number nr; nothing the kernel might take for an interrupted call is left.
	 */
	void (*prepare_syscall)(struct arch_registers *registers, uint64_t address, long nr,
				const uint64_t arguments[6]);

	/* Looks for a system call instruction that may be executed at its place in code. */
	bool (*find_syscall_instruction)(const uint8_t *code, size_t len_bytes, size_t *ret_offset);

	/*
	 * Will the task, let run on from the stop as it is and with all signals blocked, execute a
	 * system call instruction first of all: the restart of an interrupted call, or (arm64
	 * cannot tell) a call it was about to make anyway?
	 */
	bool (*restarts_syscall)(const struct arch_registers *registers,
				 const uint8_t code[ARCH_CODE_LEN]);

	/*
	 * A few calls end with EINTR instead of restarting when their task is stopped (signal(7),
	 * "Interruption of system calls and library functions by stop signals"). Where the
	 * registers prove that this just happened, makes the kernel restart the call unless a
	 * handler runs (ERESTARTNOHAND), and returns true.
	 */
	bool (*restart_instead_of_eintr)(struct arch_registers *registers,
					 const uint8_t code[ARCH_CODE_LEN]);

	/* At a system-call-entry stop: the kernel shall skip the call. */
	void (*cancel_syscall)(struct arch_registers *registers);

	/*
	 * Turns the registers of a system-call-entry stop into those of the program just before
	 * that system call instruction. before: the registers at the stop it came from.
	 */
	void (*rewind_syscall)(struct arch_registers *registers,
			       const struct arch_registers *before);
};

extern const struct arch_ops arch_x86_64, arch_aarch64;

/* The back end of the machine this was compiled for. Never NULL. */
const struct arch_ops *arch_native(void);

#endif
