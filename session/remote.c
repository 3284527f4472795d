// SPDX-License-Identifier: GPL-2.0-only
/* What must be known of a page server's directories before anything can be in the parent there. */
#include "session/internal.h"

/* FNV-1a, 64 bits. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/* The ids of images have 56 bits at a page server; those of processes are far below the last. */
#define MARK_BIT (UINT64_C(1) << 55)

static uint64_t hash(uint64_t sum, const void *bytes, size_t len)
{
	for (const uint8_t *byte = bytes; len--; byte++)
		sum = (sum ^ *byte) * HASH_PRIME;
	return sum;
}

static uint64_t mark_of(const struct session *session, uint64_t sequence)
{
	uint64_t sum = hash(HASH_START, session->iteration.session,
			    sizeof(session->iteration.session));

	return MARK_BIT | (hash(sum, &sequence, sizeof(sequence)) & (MARK_BIT - 1));
}

void session_set_remote(struct session *session)
{
	session->remote = true;
}

bool session_is_remote(const struct session *session)
{
	return session->remote;
}

uint64_t session_mark(const struct session *session)
{
	return mark_of(session, session->iteration.sequence);
}

uint64_t session_parent_mark(const struct session *session)
{
	const struct keeper_iteration *iteration = &session->iteration;

	return session->parent < 0 || iteration->broken || !iteration->last_committed ?
		       0 :
		       mark_of(session, iteration->last_committed);
}

void session_prove_parent(struct session *session)
{
	session->parent_proven = true;
}
