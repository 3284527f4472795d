// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rseq.h>
#include <string.h>
#include <sys/ptrace.h>

#include "ptrace-inject/task-code.h"
#include "ptrace-inject/task-maps.h"
#include "ptrace-inject/task-status.h"
#include "util/cleanup.h"

#define CODE_CHUNK_BYTES      (64 * 1024)
#define CODE_SEARCH_MAX_BYTES (32 * 1024 * 1024)

int inject_open_memory(pid_t tid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? inject_own_error(-errno) : fd;
}

/* Searches one mapping; chunks overlap so that an instruction across two is found. */
static bool search_mapping(int memory, const struct arch_ops *arch,
			   const struct inject_mapping *mapping, uint64_t *budget_bytes,
			   uint64_t *ret_address)
{
	uint8_t code[CODE_CHUNK_BYTES];
	uint64_t address = mapping->start;
	size_t offset;

	while (address<mapping->end && * budget_bytes> 0) {
		uint64_t left = mapping->end - address;
		ssize_t len = pread(memory, code, left < sizeof(code) ? left : sizeof(code),
				    (off_t)address);

		if (len <= 0) /* [vsyscall] for one is listed but cannot be read */
			return false;
		if (arch->find_syscall_instruction(code, (size_t)len, &offset)) {
			*ret_address = address + offset;
			return true;
		}
		*budget_bytes -= (uint64_t)len < *budget_bytes ? (uint64_t)len : *budget_bytes;
		address += len > ARCH_CODE_LEN && (uint64_t)len < left ?
				   (uint64_t)len - ARCH_CODE_LEN :
				   (uint64_t)len;
	}
	return false;
}

static int search_mappings(pid_t tid, int memory, const struct arch_ops *arch, bool vdso,
			   uint64_t *ret_address)
{
	uint64_t budget_bytes = CODE_SEARCH_MAX_BYTES;
	struct inject_mapping mapping;
	auto_close int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return inject_own_error(-errno);

	struct inject_maps_reader reader = { .fd = fd };

	while (inject_maps_next(&reader, &mapping)) {
		if (mapping.executable && mapping.vdso == vdso &&
		    search_mapping(memory, arch, &mapping, &budget_bytes, ret_address))
			return 0;
	}
	return -ENXIO;
}

int inject_find_syscall_instruction(pid_t tid, int memory, const struct arch_ops *arch,
				    uint64_t *ret_address)
{
	int error = search_mappings(tid, memory, arch, true, ret_address);

	if (error == -ENXIO)
		error = search_mappings(tid, memory, arch, false, ret_address);
	return error;
}

uint64_t inject_abort_rseq(pid_t tid, int memory, uint64_t address)
{
	struct __ptrace_rseq_configuration configuration;
	struct rseq_cs sequence;
	uint64_t pointer;

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(configuration), &configuration) <=
		    0 ||
	    !configuration.rseq_abi_pointer)
		return address;
	if (pread(memory, &pointer, sizeof(pointer),
		  (off_t)(configuration.rseq_abi_pointer + offsetof(struct rseq, rseq_cs))) !=
		    sizeof(pointer) ||
	    !pointer)
		return address;
	if (pread(memory, &sequence, sizeof(sequence), (off_t)pointer) != sizeof(sequence) ||
	    address - sequence.start_ip >= sequence.post_commit_offset)
		return address;
	return sequence.abort_ip;
}
