/* SPDX-License-Identifier: GPL-2.0-only */
/* What test_registers.c wants from the header of each architecture. */
#ifndef LAZY_WP_TEST_INJECT_REGISTERS_H
#define LAZY_WP_TEST_INJECT_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

/* All that a spinner loads and stores: arm64's vectors can be 256 bytes each. */
#define SPINNER_BYTES_MAX (12 * 1024)

/* Spins with all registers of a kind loaded. */
struct spinner {
	const char *name;
	/* How much it loads and stores; 0: this machine has no such registers. */
	size_t (*len_bytes)(void);
	/* Makes random bytes such as the registers can hold; NULL: they can hold any. */
	void (*prepare)(uint64_t *in);
	/* Loads from in, counts down to zero, stores to out. */
	void (*spin)(const void *in, void *out, uint64_t count);
};

struct sequence_counts {
	uint64_t committed, aborted, unprotected;
};

#endif
