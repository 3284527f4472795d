// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched.h>
#include <sys/syscall.h>

#include "fork.h"

const char *test_doc = "A child ends and another one gets its pid, with other pages in its places";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	for (int shape = 0; shape < SHAPES; shape++)
		area_fill(&areas[shape], 0, PAGES / 2, (unsigned int)step);
	return 0;
}

static pid_t fork_with_pid(pid_t pid)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD,
					.set_tid = (uintptr_t)&pid,
					.set_tid_size = 1 };

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static void replace(struct child *child)
{
	pid_t wanted = child->pid, pid;
	int ends[2];

	child_end(child);
	child_pipes(child, ends);
	pid = fork_with_pid(wanted);
	if (!pid) {
		child_enter(child);
		child_serve(ends[0], ends[1], act);
		_exit(0);
	}
	must(pid == wanted, "the same pid");
	child_forked(child, pid, ends);
}

static void change(int shape)
{
	replace(&children[shape]);
	child_do(&children[shape], 3 + shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	for (int shape = 0; shape < SHAPES; shape++) {
		child_start(&children[shape], act);
		child_do(&children[shape], 2);
	}
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
