// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that tell each other of steps done, through a pipe that all of them hold. */
#include <sched.h>

#include "zdtmtst.h"

static void give_up(const char *what)
{
	pr_perror("task waiter: %s", what);
	exit(1);
}

void task_waiter_init(task_waiter_t *t)
{
	t->seed = (unsigned long)getpid();
	if (pipe(t->pipes))
		give_up("pipe");
}

void task_waiter_fini(task_waiter_t *t)
{
	close(t->pipes[0]);
	close(t->pipes[1]);
}

void task_waiter_complete(task_waiter_t *t, unsigned int lockid)
{
	if (write(t->pipes[1], &lockid, sizeof(lockid)) != sizeof(lockid))
		give_up("write");
}

void task_waiter_complete_current(task_waiter_t *t)
{
	task_waiter_complete(t, (unsigned int)getpid());
}

/* Somebody else's step goes back into the pipe. */
void task_waiter_wait4(task_waiter_t *t, unsigned int lockid)
{
	unsigned int done;

	for (;;) {
		if (read(t->pipes[0], &done, sizeof(done)) != sizeof(done))
			give_up("read");
		if (done == lockid)
			return;
		task_waiter_complete(t, done);
		sched_yield();
	}
}
