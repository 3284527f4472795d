/* SPDX-License-Identifier: GPL-2.0-only */
/* Input of the keeper's targets: packets, each behind one byte of flags and two of its length. */
#ifndef LAZY_WP_TEST_FUZZ_PACKETS_H
#define LAZY_WP_TEST_FUZZ_PACKETS_H

#include "test/fuzz/support.h"

/* More would not fit into a socket's queue. */
#define PACKETS_MAX 64

struct packet {
	uint8_t flags;
	const uint8_t *bytes;
	size_t len;
};

/* 1, or 0 at the end of the input. */
static inline int next_packet(const uint8_t **data, size_t *size, struct packet *ret_packet)
{
	size_t len;

	if (*size < 3)
		return 0;
	ret_packet->flags = (uint8_t)fuzz_take_number(data, size, 1);
	len = fuzz_take_number(data, size, 2);
	ret_packet->len = fuzz_take_bytes(data, size, len, &ret_packet->bytes);
	return 1;
}

#endif
