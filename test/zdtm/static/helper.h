/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second process that does something to the test's memory. Started before test_init() it is
 * outside of the dumped tree, afterwards it is a child in it. It serves requests and ends when
 * the test has ended, or the copy of the test that it was started by.
 */
#ifndef ZDTM_HELPER_H
#define ZDTM_HELPER_H

#include <sys/uio.h>
#include <sys/wait.h>

#include "memory.h"

struct helper_request {
	pid_t pid;
	void *start; /* in that process */
	size_t len;
	size_t bytes; /* that come with the request, one page at most */
};

/* 0, or -1 with errno. */
static int (*helper_act)(const struct helper_request *request, const void *bytes);

static int helper_requests[2], helper_answers[2];

static inline void helper_serve(void)
{
	struct helper_request request;
	uint8_t *bytes = malloc(page_size());

	while (bytes && read(helper_requests[0], &request, sizeof(request)) == sizeof(request) &&
	       !read_data(helper_requests[0], bytes, (int)request.bytes)) {
		int answer = helper_act(&request, bytes) ? errno : 0;

		if (write(helper_answers[1], &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

static inline pid_t helper_start(int (*act)(const struct helper_request *, const void *))
{
	pid_t pid;

	helper_act = act;
	if (pipe(helper_requests) || pipe(helper_answers) || (pid = fork()) < 0) {
		pr_perror("starting the helper");
		exit(1);
	}
	close(helper_requests[pid ? 0 : 1]);
	close(helper_answers[pid ? 1 : 0]);
	if (!pid)
		helper_serve();
	return pid;
}

/* Waits until it is done; 0, or -1 with errno. */
static inline int helper_ask(void *start, size_t len, const void *bytes, size_t nr_bytes)
{
	struct helper_request request = { getpid(), start, len, nr_bytes };
	int answer = EPIPE;

	if (write(helper_requests[1], &request, sizeof(request)) < 0 ||
	    write_data(helper_requests[1], bytes, (int)nr_bytes) ||
	    read(helper_answers[0], &answer, sizeof(answer)) < 0)
		return -1;
	errno = answer;
	return answer ? -1 : 0;
}

/* A child in the tree ends and is collected; for one outside (0) only the pipe is closed. */
static inline void helper_end(pid_t pid)
{
	close(helper_requests[1]);
	if (pid)
		waitpid(pid, NULL, 0);
}

/* For writes_run(): a page by each request. */
static inline void helper_put(const struct iovec *targets, const struct iovec *sources, int pages)
{
	for (int i = 0; i < pages; i++)
		if (helper_ask(targets[i].iov_base, page_size(), sources[i].iov_base, page_size()))
			pr_perror("helper: page %d", i);
}

#endif
