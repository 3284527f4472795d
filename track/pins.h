/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who could write a task's memory past its page tables, where no tracker looks: devices and
 * kernel work with pinned pages (io_uring, Linux AIO, RDMA, VFIO, AF_XDP). Pinning for writing
 * counts as a write of every page at that moment, so only pins that exist *while pages are being
 * armed* can hide a write: look with the task stopped, right before arming, and arm nothing of a
 * task that has any. What is pinned through a process need not be that process' memory: others may
 * have put theirs into its io_uring, and then VmPin and the descriptor are its own. A plain O_DIRECT read needs no look: its thread cannot be stopped before
 * the read has ended. Nothing is held; all answers are snapshots.
 */
#ifndef LAZY_WP_TRACK_PINS_H
#define LAZY_WP_TRACK_PINS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct track_pins {
	bool userfaultfd;   /* the task has a userfaultfd of its own open */
	const char *writer; /* NULL, or what may write behind the page tables: a phrase for logs */
};

/*
 * Looks at the descriptors of all threads and the VmPin line of /proc/PID/status (RDMA and io_uring buffers that
 * were pinned through a descriptor closed since). Memory mapped for Linux AIO is found by its
 * mapping's name: see track_vma_refusal(). -ESRCH, -EACCES, -ENOMEM.
 */
int track_pins_read(pid_t pid, struct track_pins *ret_pins);

/*
 * The parsers behind it: where a descriptor's link points to, the text of /proc/PID/status, and
 * that of /proc/PID/net/protocols (true: an AF_XDP socket is open).
 */
void track_pins_parse_link(const char *link, struct track_pins *pins);
void track_pins_parse_status(FILE *text, struct track_pins *pins);
bool track_pins_parse_protocols(FILE *text);

#endif
