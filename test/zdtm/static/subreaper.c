// SPDX-License-Identifier: GPL-2.0-only
#include <sys/prctl.h>

#include "fork.h"

const char *test_doc = "A process whose parent ends between iterations gets another parent";
const char *test_author = "criu-lazy-wp";

static struct child parents[SHAPES];

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	area_fill(&areas[step], 0, PAGES / 2, 3);
	return 0;
}

static int idle(int step)
{
	(void)step;
	return 0;
}

/* A child that has a child: both are ours to talk to. */
static void start_family(struct child *parent, struct child *child)
{
	int parent_ends[2], ends[2];
	pid_t pid;

	child_pipes(parent, parent_ends);
	child_pipes(child, ends);
	pid = fork();
	if (!pid) {
		bool is_parent = fork() > 0;
		int *mine = is_parent ? parent_ends : ends;

		child_enter(parent);
		child_enter(child);
		child_serve(mine[0], mine[1], is_parent ? idle : act);
		_exit(0);
	}
	child_forked(parent, pid, parent_ends);
	child_forked(child, pid, ends);
	child->pid = -1; /* reaped as ours when its parent is gone */
}

static void change(int shape)
{
	child_end(&parents[shape]);
	child_do(&children[shape], shape);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	must(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "PR_SET_CHILD_SUBREAPER");
	fork_areas();
	for (int shape = 0; shape < SHAPES; shape++)
		start_family(&parents[shape], &children[shape]);
	test_daemon();
	run_shapes(change);
	return fork_verdict();
}
