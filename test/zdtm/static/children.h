/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes that do what they are told: a child sleeps in a pipe until its parent sends it
 * a step, does it and answers. Whatever it finds wrong it says itself with fail(), which the runner
 * sees, and answers 1.
 */
#ifndef ZDTM_CHILDREN_H
#define ZDTM_CHILDREN_H

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "memory.h"

/* The steps of a test are smaller numbers. */
#define STEP_CHECK 100 /* for the verdict */
#define STEP_END   101

struct child {
	pid_t pid;
	int steps, answers; /* the parent's ends */
};

/* Does one step; 0 or 1. */
typedef int child_steps(int step);

/* For calls without which the test makes no sense. */
static inline void must(int success, const char *what)
{
	if (success)
		return;
	pr_perror("%s", what);
	fail("%s", what);
	_exit(1);
}

/* The child's life. Returns when its parent says so, or is gone. */
static inline void child_serve(int steps, int answers, child_steps *act)
{
	unsigned char step, answer;

	while (read(steps, &step, 1) == 1 && step != STEP_END) {
		answer = act(step) != 0;
		must(write(answers, &answer, 1) == 1, "answering");
	}
}

/* The pipes alone, for children that are not made by fork(): ret_ends are the child's. */
static inline void child_pipes(struct child *child, int ret_ends[2])
{
	int steps[2], answers[2];

	must(!pipe2(steps, O_CLOEXEC) && !pipe2(answers, O_CLOEXEC), "pipe");
	*child = (struct child){ .steps = steps[1], .answers = answers[0] };
	ret_ends[0] = steps[0];
	ret_ends[1] = answers[1];
}

/* In the child: its parent's ends are closed, or it would never see them closed. */
static inline void child_enter(const struct child *child)
{
	close(child->steps);
	close(child->answers);
	signal(SIGTERM, SIG_DFL);
}

static inline void child_forked(struct child *child, pid_t pid, const int ends[2])
{
	must(pid > 0, "making a child");
	child->pid = pid;
	close(ends[0]);
	close(ends[1]);
}

static inline void child_start(struct child *child, child_steps *act)
{
	int ends[2];
	pid_t pid;

	child_pipes(child, ends);
	pid = fork();
	if (!pid) {
		child_enter(child);
		child_serve(ends[0], ends[1], act);
		syscall(SYS_exit, 0); /* allowed by seccomp's strict mode, other than _exit() */
	}
	child_forked(child, pid, ends);
}

/* Returns when the child has answered: what its step said. */
static inline int child_do(const struct child *child, int step)
{
	unsigned char byte = (unsigned char)step;

	must(write(child->steps, &byte, 1) == 1, "telling a child");
	must(read(child->answers, &byte, 1) == 1, "hearing a child");
	return byte;
}

/* Lets it end and reaps it. */
static inline void child_end(struct child *child)
{
	unsigned char end = STEP_END;
	int status;

	must(write(child->steps, &end, 1) == 1, "ending a child");
	close(child->steps);
	close(child->answers);
	must(waitpid(child->pid, &status, 0) > 0 && !status, "a child's end");
}

#endif
