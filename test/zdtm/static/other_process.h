/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes that come from another process. */
#ifndef ZDTM_OTHER_PROCESS_H
#define ZDTM_OTHER_PROCESS_H

#include <sys/prctl.h>
#include <sys/wait.h>

#include "setups.h"

/* Runs work() in another process, which is gone again when this returns. */
static void in_another_process(void (*work)(struct area *area, pid_t target), struct area *area)
{
	pid_t target = getpid(), helper = fork();
	int status;

	MUST(helper);
	if (!helper) {
		work(area, target);
		_exit(0);
	}
	if (waitpid(helper, &status, 0) != helper || status)
		fail("the other process failed: %#x", (unsigned int)status);
}

#endif
