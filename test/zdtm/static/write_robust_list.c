// SPDX-License-Identifier: GPL-2.0-only
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "setups.h"

const char *test_doc = "The owner-died bit that the kernel sets in a futex of a thread that ended";
const char *test_author = "criu-lazy-wp";

/* A thread in its own memory, by clone(2): the kernel writes where we tell it when it ends. */
static int run_thread(int (*body)(void *argument), void *argument, unsigned long flags, int *tid)
{
	uint8_t *stack = mmap(NULL, 16 * page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long shared = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM;

	MUST(stack);
	return clone(body, stack + 16 * page_size(), (int)(shared | flags), argument, NULL, NULL,
		     tid);
}

struct lock {
	struct robust_list_head head;
	struct robust_list entry;
	uint32_t futex;
};

static int die_with_lock(void *argument)
{
	struct lock *lock = argument;

	syscall(SYS_set_robust_list, &lock->head, sizeof(lock->head));
	__atomic_store_n(&lock->futex, (uint32_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	return 0;
}

/* What the lock's page must be is not known before: the thread's id is in it. */
static bool is_marked(const struct area *area)
{
	const struct lock *lock = (const void *)area_page(area, 7);

	return (lock->futex & FUTEX_OWNER_DIED) && !(lock->futex & FUTEX_TID_MASK);
}

static void change(struct area *area)
{
	struct lock *lock = (void *)area_page(area, 7);
	int tid_word = 1;

	area_fill(area, 7, 1, 0);
	lock->head.list.next = &lock->entry;
	lock->entry.next = &lock->head.list;
	lock->head.futex_offset = offsetof(struct lock, futex) - offsetof(struct lock, entry);
	MUST(run_thread(die_with_lock, lock, CLONE_CHILD_CLEARTID, &tid_word));
	while (__atomic_load_n(&tid_word, __ATOMIC_SEQ_CST))
		sched_yield();
	if (!(lock->futex & FUTEX_OWNER_DIED))
		fail("the kernel has not marked the lock: %#x", lock->futex);
}

int main(int argc, char **argv)
{
	areas_run(argc, argv, setup_anon, change);
	for (int shape = 0; shape < SHAPES; shape++) {
		if (!is_marked(&areas[shape]))
			return fail("shape %d: the mark is lost", shape);
		area_fill(&areas[shape], 7, 1, 0);
	}
	return areas_verdict(areas);
}
