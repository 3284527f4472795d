/* SPDX-License-Identifier: GPL-2.0-only */
/* Advice that another process of the dumped tree gives by process_madvise(2). */
#ifndef ZDTM_REMOTE_ADVISE_H
#define ZDTM_REMOTE_ADVISE_H

#include <sys/syscall.h>
#include <sys/uio.h>

#include "advise.h"
#include "helper.h"

static inline int remote_advise_act(const struct helper_request *request, const void *bytes)
{
	struct iovec range = { request->start, request->len };
	int pidfd = (int)syscall(SYS_pidfd_open, request->pid, 0), advice;
	long done;

	memcpy(&advice, bytes, sizeof(advice));
	if (pidfd < 0)
		return -1;
	done = syscall(SYS_process_madvise, pidfd, &range, 1, advice, 0);
	close(pidfd);
	return done < 0 ? -1 : 0;
}

/* 0, or -1 with errno. */
static inline int remote_advise(void *start, size_t len, int advice)
{
	return helper_ask(start, len, &advice, sizeof(advice));
}

static inline int remote_advise_main(int argc, char **argv, const struct advise_test *test)
{
	pid_t helper;
	int result;

	test_init(argc, argv);
	helper = helper_start(remote_advise_act); /* before the areas are there to be shared */
	result = advise_run(test);
	helper_end(helper);
	return result;
}

#endif
