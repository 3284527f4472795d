/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that the C library knows nothing of: no robust list, no rseq area and no word to clear
 * at exit but those that the test asks for. Two for each test, one per shape. A thread starts,
 * prepares its page of fills[], waits until its shape's change, and ends. It shares the thread
 * local storage of the first thread, so it must do no more than system calls.
 */
#ifndef ZDTM_RAW_THREAD_H
#define ZDTM_RAW_THREAD_H

#include <sched.h>
#include <sys/syscall.h>

#include "fills.h"
#include "lock.h"

#define RAW_THREAD_STACK (64 * 1024)
#define RAW_THREAD_PAGE  5 /* of fills[], where the kernel shall write */

struct raw_thread {
	futex_t ready, go, done;
	pid_t cleared_at_exit; /* by the kernel */
	void (*prepare)(uint8_t *page);
	void (*act)(uint8_t *page);
	uint8_t *page;
};

static struct raw_thread raw_threads[SHAPES];

static inline int raw_thread_run(void *argument)
{
	struct raw_thread *thread = argument;

	thread->prepare(thread->page);
	futex_set_and_wake(&thread->ready, 1);
	futex_wait_until(&thread->go, 1);
	thread->act(thread->page);
	return 0;
}

/* child_tid: the word that the kernel clears when the thread ends. */
static inline void raw_thread_start(int shape, void (*prepare)(uint8_t *page),
				    void (*act)(uint8_t *page), pid_t *child_tid)
{
	struct raw_thread *thread = &raw_threads[shape];
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
	uint8_t *stack = malloc(RAW_THREAD_STACK);

	thread->prepare = prepare;
	thread->act = act;
	thread->page = area_page(&fills[shape].area, RAW_THREAD_PAGE);
	if (!stack || clone(raw_thread_run, stack + RAW_THREAD_STACK, flags, thread, NULL, NULL,
			    child_tid) < 0) {
		pr_perror("clone");
		exit(1);
	}
	futex_wait_until(&thread->ready, 1);
	fills_remember(&fills[shape], RAW_THREAD_PAGE);
}

/* Lets the thread end; returns when the kernel has cleared the word. */
static inline void raw_thread_end(int shape, pid_t *child_tid)
{
	pid_t tid;

	futex_set_and_wake(&raw_threads[shape].go, 1);
	while ((tid = __atomic_load_n(child_tid, __ATOMIC_SEQ_CST)))
		syscall(SYS_futex, child_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
}

#endif
