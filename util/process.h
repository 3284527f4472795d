/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc says about a process: identity, state and children. All of it are snapshots; a pid
 * can be reused the moment its process is reaped, so whoever keeps a pid keeps the start time
 * with it and compares.
 */
#ifndef LAZY_WP_UTIL_PROCESS_H
#define LAZY_WP_UTIL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct process_info {
	pid_t pid, tgid, parent;
	pid_t tracer;           /* 0: not traced */
	uint32_t innermost_pid; /* as the process sees itself: the last field of NSpid */
	uint64_t start_time;    /* clock ticks since boot, field 22 of /proc/PID/stat */
	char state;             /* R, S, D, T, t, Z, X, I */
	bool has_memory;        /* false for kernel threads and zombies */
	bool kernel_thread;
	char name[32]; /* comm, what is not printable ASCII as "?" */
};

/* -ESRCH: no such process; -EBADMSG: /proc not understood; -EACCES, -ENOMEM. */
int process_read(pid_t pid, struct process_info *ret_info);

/* Only the start time: one small file, for checks of identity. -ESRCH, -EBADMSG. */
int process_start_time(pid_t pid, uint64_t *ret_start_time);

/* True if pid is no process, or one that has given up its memory and will be reaped. */
bool process_has_ended(pid_t pid);

struct process_list {
	pid_t *v;
	size_t nr, cap;
};

/* -ENOMEM, also if it would become absurdly long. */
int process_list_append(struct process_list *list, pid_t pid);

bool process_list_contains(const struct process_list *list, pid_t pid);

/*
 * root and all its descendants, parents before children, from /proc/PID/task/TID/children
 * (CONFIG_PROC_CHILDREN). A running tree may gain and lose members meanwhile. -ESRCH, -EBADMSG,
 * -ENOMEM.
 */
int process_tree(pid_t root, struct process_list *ret_list);

/*
 * The threads of a process, as /proc/PID/task has them: a running one may gain and lose some
 * meanwhile. -ESRCH, other errors of opendir(), -ENOMEM.
 */
int process_threads(pid_t pid, struct process_list *ret_list);

/* A descriptor of /proc/PID/NAME to read from. -ESRCH, -EACCES, other errors of open(). */
int process_open_file(pid_t pid, const char *name);

/*
 * /proc/PID/mem, to be read at the task's addresses. It also reads mappings without read
 * permission, and leaves shared pages shared, which process_vm_readv() does not.
 */
int process_open_memory(pid_t pid);

/*
 * The parsers behind them: the text of /proc/PID/stat, of /proc/PID/status (which leaves the start
 * time 0), and of /proc/PID/task/TID/children, whose pids are appended to list also when it fails.
 */
int process_parse_stat(FILE *text, uint64_t *ret_start_time);
int process_parse_status(FILE *text, pid_t pid, struct process_info *ret_info);
int process_parse_children(FILE *text, struct process_list *list);

void process_list_free(struct process_list *list);
#define auto_process_list __attribute__((cleanup(process_list_free)))

#endif
