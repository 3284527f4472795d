// SPDX-License-Identifier: GPL-2.0-only
#include <spawn.h>

#include "exec.h"

const char *test_doc = "posix_spawn() between iterations: the new process and its parent";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	area_fill(&areas[step], 0, PAGES / 2, 7);
	return 0;
}

static void spawn(struct child *child)
{
	char steps[16], answers[16];
	char *arguments[] = { (char *)"spawned", (char *)EXEC_MARK, steps,
			      answers,           (char *)"3",       NULL };
	unsigned char answer;
	int ends[2];
	pid_t pid;

	child_pipes(child, ends);
	ssprintf(steps, "%d", ends[0]);
	ssprintf(answers, "%d", ends[1]);
	fcntl(ends[0], F_SETFD, 0);
	fcntl(ends[1], F_SETFD, 0);
	must(!posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ), "posix_spawn");
	child_forked(child, pid, ends);
	must(read(child->answers, &answer, 1) == 1, "hearing the new process");
}

static void change(int shape)
{
	spawn(&children[shape]);
	for (int child = 0; child <= shape; child++)
		child_do(&children[child], shape);
	area_fill(&areas[shape], 0, PAGES / 4, 2);
}

int main(int argc, char **argv)
{
	if (exec_was_again(argc, argv, act))
		return 0;
	test_init(argc, argv);
	fork_areas();
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
