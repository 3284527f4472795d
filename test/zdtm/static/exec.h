/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of exec: a child that executes this very program again, with its areas at the
 * same addresses. Its new image is told by its arguments who it is and what generation of pages
 * to make; it answers the step in which it was executed.
 */
#ifndef ZDTM_EXEC_H
#define ZDTM_EXEC_H

#include <sys/personality.h>

#include "fork.h"

#define EXEC_ADDRESS 0x200000000000UL
#define EXEC_MARK    "executed"

struct exec_state {
	int steps, answers;
	unsigned int generation;
};

static struct exec_state exec_state;

/* What a new image has. Pages 0, 4, 8, … are not made at all: a hole, where data was before. */
static inline void exec_areas(unsigned int generation)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		void *address = (void *)(EXEC_ADDRESS + (size_t)shape * 2 * PAGES * page_size());

		area_use(&areas[shape],
			 mmap(address, PAGES * page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 PAGES);
		for (size_t page = 0; page < PAGES; page++)
			if (page % 4 || generation == 1)
				area_fill(&areas[shape], page, 1, generation);
	}
}

/* Never returns. Without randomisation all of the new memory is where the old was. */
static inline void exec_again(unsigned int generation)
{
	char steps[16], answers[16], number[16];
	char *arguments[] = { (char *)"exec-test", (char *)EXEC_MARK, steps, answers, number, NULL };

	ssprintf(steps, "%d", exec_state.steps);
	ssprintf(answers, "%d", exec_state.answers);
	ssprintf(number, "%u", generation);
	fcntl(exec_state.steps, F_SETFD, 0);
	fcntl(exec_state.answers, F_SETFD, 0);
	must(personality(ADDR_NO_RANDOMIZE) >= 0, "personality");
	execv("/proc/self/exe", arguments);
	must(0, "execv");
}

/* False in the program that the runner has started, true (and done) in an executed image. */
static inline bool exec_was_again(int argc, char **argv, child_steps *act)
{
	unsigned char answer = 0;

	if (argc != 5 || strcmp(argv[1], EXEC_MARK))
		return false;
	exec_state = (struct exec_state){ atoi(argv[2]), atoi(argv[3]), (unsigned)atoi(argv[4]) };
	exec_areas(exec_state.generation);
	must(write(exec_state.answers, &answer, 1) == 1, "answering");
	child_serve(exec_state.steps, exec_state.answers, act);
	return true;
}

/* A child in its first image, which is made by exec as well, so that addresses are the same. */
static inline void exec_child_start(struct child *child)
{
	unsigned char answer;
	int ends[2];
	pid_t pid;

	child_pipes(child, ends);
	pid = fork();
	if (!pid) {
		child_enter(child);
		exec_state = (struct exec_state){ ends[0], ends[1], 1 };
		exec_again(1);
	}
	child_forked(child, pid, ends);
	must(read(child->answers, &answer, 1) == 1, "hearing a new image");
}

#endif
