// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "arch/arch.h"

/* struct user_regs_struct, <sys/user.h>, in 64-bit words. */
enum {
	R15,
	R14,
	R13,
	R12,
	RBP,
	RBX,
	R11,
	R10,
	R9,
	R8,
	RAX,
	RCX,
	RDX,
	RSI,
	RDI,
	ORIG_RAX,
	RIP,
	CS,
	EFLAGS,
	RSP,
	SS,
	FS_BASE,
	GS_BASE,
	DS,
	ES,
	FS,
	GS,
	REGISTER_COUNT
};

#define CODE_SEGMENT_32BIT 0x23 /* __USER32_CS */
#define EFLAGS_TRAP        0x100
#define SYSCALL_LEN_BYTES  2 /* syscall, int $0x80 and sysenter alike */
#define NO_SYSCALL         UINT64_MAX

/* include/linux/errno.h: kernel-internal, but visible to tracers. */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

static const int no_notes[] = { 0 };

static bool is_native(const struct arch_registers *registers)
{
	/* A 64-bit program may jump into a 32-bit segment (Wine does); its calls then differ. */
	return registers->len_bytes == REGISTER_COUNT * sizeof(uint64_t) &&
	       registers->word[CS] != CODE_SEGMENT_32BIT;
}

static uint64_t instruction_pointer(const struct arch_registers *registers)
{
	return registers->word[RIP];
}

static void set_instruction_pointer(struct arch_registers *registers, uint64_t address)
{
	registers->word[RIP] = address;
}

static void prepare_syscall(struct arch_registers *registers, uint64_t address, long nr,
			    const uint64_t arguments[6])
{
	static const int argument_register[6] = { RDI, RSI, RDX, R10, R8, R9 };

	for (int i = 0; i < 6; i++)
		registers->word[argument_register[i]] = arguments[i];
	registers->word[RIP] = address;
	registers->word[RAX] = (uint64_t)nr;
	registers->word[ORIG_RAX] = NO_SYSCALL;
	registers->word[EFLAGS] &= ~(uint64_t)EFLAGS_TRAP;
}

static bool is_syscall_instruction(const uint8_t code[SYSCALL_LEN_BYTES])
{
	return code[0] == 0x0f && code[1] == 0x05;
}

/* Any two bytes 0f 05 will do, even inside a longer instruction: decoding starts at the first. */
static bool find_syscall_instruction(const uint8_t *code, size_t len_bytes, size_t *ret_offset)
{
	for (size_t i = 0; i + SYSCALL_LEN_BYTES <= len_bytes; i++) {
		if (is_syscall_instruction(code + i)) {
			*ret_offset = i;
			return true;
		}
	}
	return false;
}

/* The very question of the kernel's arch_do_signal_or_restart(). */
static bool restarts_syscall(const struct arch_registers *registers,
			     const uint8_t code[ARCH_CODE_LEN])
{
	(void)code;
	if ((int64_t)registers->word[ORIG_RAX] < 0)
		return false;
	switch (-(int64_t)registers->word[RAX]) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

/* Only calls that did nothing at all when they return EINTR may be here. */
static bool ends_with_eintr_when_stopped(uint64_t nr)
{
	switch (nr) {
	case 43:  /* accept, this and the next with SO_RCVTIMEO or SO_SNDTIMEO */
	case 44:  /* sendto */
	case 45:  /* recvfrom */
	case 46:  /* sendmsg */
	case 47:  /* recvmsg */
	case 65:  /* semop */
	case 128: /* rt_sigtimedwait */
	case 208: /* io_getevents */
	case 220: /* semtimedop */
	case 232: /* epoll_wait */
	case 281: /* epoll_pwait */
	case 288: /* accept4 */
	case 299: /* recvmmsg */
	case 307: /* sendmmsg */
	case 426: /* io_uring_enter */
	case 441: /* epoll_pwait2 */
		return true;
	default:
		return false;
	}
}

/*
 * orig_rax proves that EINTR was returned by this very passage through the kernel: after a handler
 * has run, sigreturn leaves -1 there. A relative timeout begins anew: late is allowed, an EINTR
 * without a signal surprises. The instruction check keeps int $0x80 out, whose numbers differ.
 */
static bool restart_instead_of_eintr(struct arch_registers *registers,
				     const uint8_t code[ARCH_CODE_LEN])
{
	if ((int64_t)registers->word[RAX] != -EINTR ||
	    !ends_with_eintr_when_stopped(registers->word[ORIG_RAX]) ||
	    !is_syscall_instruction(code + ARCH_CODE_BEFORE - SYSCALL_LEN_BYTES))
		return false;
	registers->word[RAX] = (uint64_t)-ERESTARTNOHAND;
	return true;
}

static void cancel_syscall(struct arch_registers *registers)
{
	registers->word[ORIG_RAX] = NO_SYSCALL;
}

static void rewind_syscall(struct arch_registers *registers, const struct arch_registers *before)
{
	(void)before;
	registers->word[RIP] -= SYSCALL_LEN_BYTES;
	registers->word[RAX] = registers->word[ORIG_RAX];
	registers->word[ORIG_RAX] = NO_SYSCALL;
}

const struct arch_ops arch_x86_64 = {
	.name = "x86_64",
	.nr_userfaultfd = 323,
	.nr_close = 3,
	.volatile_notes = no_notes,
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
