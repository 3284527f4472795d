/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part that lives inside CRIU. Five files: interpose.c stands between CRIU and libc and
 * knows which calls concern us; answer.c computes CRIU's soft-dirty flag from the session;
 * plugin.c has the life cycle (activation, the CRIU plugin descriptor, the end of the process);
 * rpc.c understands the requests that a CRIU without a command line gets; page-server.c asks the
 * page server, if there is one, what it builds upon.
 * Everything happens in CRIU's one thread. Without activation every call goes straight to libc.
 */
#ifndef LAZY_WP_PLUGIN_PLUGIN_H
#define LAZY_WP_PLUGIN_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "session/session.h"
#include "track/pagemap-abi.h"

/*
 * True once the launcher's activation was found and, where that leaves it to requests, one has come
 * that is about tracking: then, and only then, libc's answers are changed. A process that has served
 * another request itself serves no more after it (CRIU forks for those after which it goes on), so
 * that what CRIU learnt of the kernel without us never meets what it learnt with us.
 */
bool plugin_is_active(void);

/*
 * CRIU is about to stop pid. If that is the tree's root, the freeze begins: opens the session and
 * adopts the tasks, once. 0 also where there is nothing to do; -EBUSY and other errors of
 * session_open(): CRIU must not go on.
 */
int plugin_before_stop(pid_t pid);

/*
 * The same before CRIU freezes the whole tree by its cgroup: a frozen task cannot be adopted. A
 * tree that is frozen already when CRIU comes is not tracked.
 */
int plugin_before_freeze(void);

/* CRIU has received a packet: if it is a request, it says whether we are wanted, and for what. */
void plugin_received(int fd, const void *packet, size_t len);

/*
 * CRIU is about to send a packet. An answer that the dump succeeded commits the iteration first;
 * where that fails the result is the length of what must be sent instead, a buffer of the
 * caller's. 0: send the packet.
 */
size_t plugin_before_answer(int fd, const void *packet, size_t len, uint8_t **ret_packet);

/* The session's answer for pid, taken now if it was not yet; NULL: all of pid's memory is dirty. */
struct session_task *plugin_take(pid_t pid);

/*
 * CRIU is about to create its inventory.img, which makes images of what it has written: they must
 * be complete now. -errno: they are not, and it must not.
 */
int plugin_before_inventory(void);

/* True if CRIU has a connection to a page server, or that cannot be found out. */
bool plugin_has_page_server(void);

/*
 * CRIU is about to send bytes over fd; if that begins its work with a page server, asks it for the
 * parent of session first. -errno: the connection is of no use any more.
 */
int plugin_before_send(struct session *session, int fd, const void *bytes, size_t len);

/* The session, if this process has one that is remote, or NULL. */
struct session *plugin_remote_session(void);

/*
 * True if the kernel's soft-dirty is the tracker, and not our write-protection in its place. CRIU's
 * probe of itself then gets the kernel's answers.
 */
bool plugin_uses_soft_dirty(void);

/*
 * May CRIU reset soft-dirty of pid? Its own, for the probe, and that of a task whose pages it has
 * asked for and of which every write is seen. Never where soft-dirty is not the tracker.
 */
bool plugin_may_reset(pid_t pid);

/* True if clean pages are hidden from CRIU. */
bool plugin_hides(void);

/* CRIU has spent so much time in one reading of an smaps, for the statistics. */
void plugin_note_smaps(uint64_t us);

/*
 * True if CRIU asks for the soft-dirty category. Or for guard regions, while clean pages are hidden
 * from it: that is its first question, too early for other takes (a page server has not been asked
 * for its parent then).
 */
bool plugin_answers_scan(const struct track_pm_scan_arg *scan);

/*
 * Answers such a question in the place of ioctl(fd, …). task may be NULL. Pages that may be hidden
 * are left out and noted. Result and errno as the ioctl's.
 */
int plugin_answer_scan(int fd, struct track_pm_scan_arg *scan, struct session_task *task);

/*
 * Sets the soft-dirty bit in nr entries that were read from a pagemap at byte offset, except for
 * pages proven clean. task may be NULL: all dirty.
 */
void plugin_answer_entries(int fd, uint64_t *entries, size_t nr, off_t offset,
			   struct session_task *task);

#endif
