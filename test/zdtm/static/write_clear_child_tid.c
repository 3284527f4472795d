// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>

#include "setups.h"

const char *test_doc = "The word that the kernel clears when a thread ends";
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

static int idle(void *argument)
{
	return argument != NULL;
}

static void change(struct area *area)
{
	int *word = (int *)(void *)(area_page(area, 7));

	area_fill(area, 7, 1, 0); /* zero but for the word, which is zero again in the end */
	*word = 1;
	MUST(run_thread(idle, NULL, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, word));
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST))
		sched_yield();
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
