/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A userfaultfd in asynchronous write-protect mode (kernel 6.7; arm64 6.10): writes to armed
 * pages are resolved by the kernel and only noted, no fault is ever delivered. The descriptor
 * belongs to the memory of the task that created it and works from any process. When its last
 * copy closes, the kernel drops every registration: all memory then counts as dirty. After an
 * exec or the end of the task every call answers -ESRCH.
 */
#ifndef LAZY_WP_TRACK_UFFD_H
#define LAZY_WP_TRACK_UFFD_H

#include <stdint.h>

/* Flags for userfaultfd(2) in the task: faults from user mode only, so no privilege is needed. */
int track_uffd_flags(void);

/*
 * The UFFDIO_API handshake for asynchronous write-protect; once per descriptor.
 * -EOPNOTSUPP: this kernel has none (before 6.7, arm64 before 6.10).
 */
int track_uffd_init(int uffd);

/*
 * Registers [start, end) for write-protect; harmless when it already is registered by uffd.
 * -EBUSY: another userfaultfd has it; -EINVAL: a mapping of a kind that cannot be registered, or
 * the range is not mapped any more; -ESRCH: the task exec'ed or ended; -ENOMEM.
 */
int track_uffd_register(int uffd, uint64_t start, uint64_t end);

#endif
