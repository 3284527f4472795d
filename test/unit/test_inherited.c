// SPDX-License-Identifier: GPL-2.0-only
/* A child that inherited a userfaultfd of ours loses it, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "session/internal.h"
#include "track/uffd.h"
#include "util/cleanup.h"

static int make_userfaultfd(void)
{
	int fd = syscall(SYS_userfaultfd, track_uffd_flags());

	assert_true(fd >= 0);
	return fd;
}

static bool has_descriptor(pid_t pid, int fd)
{
	char path[64], link[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, link, sizeof(link)) > 0;
}

static void closes_copies_of_ours_only(void **state)
{
	int ours[2] = { make_userfaultfd(), make_userfaultfd() }, its_own = make_userfaultfd();
	pid_t child = fork();
	(void)state;

	if (!child) {
		pause();
		_exit(0);
	}
	assert_int_equal(session_close_inherited(child, ours, 2), 2);
	assert_false(has_descriptor(child, ours[0]) || has_descriptor(child, ours[1]));
	assert_true(has_descriptor(child, its_own) && has_descriptor(child, 0));
	assert_int_equal(session_close_inherited(child, ours, 2), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(session_close_inherited(child, ours, 2), -ESRCH);
	close(ours[0]);
	close(ours[1]);
	close(its_own);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(closes_copies_of_ours_only) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
