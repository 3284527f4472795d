// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

const char *test_doc =
	"A task stopped by SIGSTOP at the first pre-dump and at the dump stays stopped";
const char *test_author = "criu-lazy-wp";

static int act(int step)
{
	if (step == STEP_CHECK)
		return fork_check();
	for (size_t page = 0; page < PAGES; page += 4)
		area_fill(&areas[step], page, 1, 2);
	return 0;
}

static bool is_stopped(pid_t pid)
{
	char path[64], stat[512];

	ssprintf(path, "/proc/%d/stat", pid);
	return !read_value(path, stat, sizeof(stat)) && strstr(stat, ") T ");
}

static void stop(void)
{
	int status;

	must(!kill(children[0].pid, SIGSTOP) &&
		     waitpid(children[0].pid, &status, WUNTRACED) == children[0].pid &&
		     WIFSTOPPED(status),
	     "stopping the child");
}

static void go_on(const char *when)
{
	if (!is_stopped(children[0].pid))
		fail("not stopped %s", when);
	must(!kill(children[0].pid, SIGCONT), "SIGCONT");
}

/* CRIU's pre-dump passes over a stopped task: the second one is the first that has its memory. */
static void change(int shape)
{
	if (!shape)
		go_on("after a pre-dump");
	child_do(&children[0], shape);
	if (shape)
		stop();
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fork_areas();
	child_start(&children[0], act);
	stop();
	test_daemon();
	run_shapes(change);
	go_on("after the restore");
	return fork_verdict();
}
