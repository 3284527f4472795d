/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads code of a task that is stopped by us: finds a system call instruction to point it at.
 * No allocation; the memory descriptor is the caller's.
 */
#ifndef LAZY_WP_PTRACE_INJECT_TASK_CODE_H
#define LAZY_WP_PTRACE_INJECT_TASK_CODE_H

#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"

/* Opens /proc/TID/mem for reading; it stays with this very address space. -ENFILE. */
int inject_open_memory(pid_t tid);

/*
 * Finds the address of a system call instruction in an executable mapping, preferably the vDSO
 * (which has one on every architecture known here). -ENFILE; -ENXIO when there is none within the
 * first CODE_SEARCH_MAX_BYTES of code.
 */
int inject_find_syscall_instruction(pid_t tid, int memory, const struct arch_ops *arch,
				    uint64_t *ret_address);

/*
 * If address lies in the restartable sequence (rseq(2)) that the thread is in, returns the
 * address of its abort handler, else address itself. The kernel does so whenever it preempts
 * such a sequence, but not for us: seeing the thread elsewhere, in the vDSO, it would take the
 * sequence for finished and then let it run on unprotected.
 */
uint64_t inject_abort_rseq(pid_t tid, int memory, uint64_t address);

#endif
