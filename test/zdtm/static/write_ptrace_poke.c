// SPDX-License-Identifier: GPL-2.0-only
#include <sys/ptrace.h>

#include "other_process.h"

const char *test_doc = "A word of each page written by PTRACE_POKEDATA from another process";
const char *test_author = "criu-lazy-wp";

#define POKED 4

static void poke_pages(struct area *area, pid_t target)
{
	int status;

	if (ptrace(PTRACE_SEIZE, target, 0, 0) || ptrace(PTRACE_INTERRUPT, target, 0, 0) ||
	    waitpid(target, &status, __WALL) != target)
		_exit(1);
	for (size_t page = 0; page < POKED; page++)
		for (size_t word = 0; word < page_size() / sizeof(uint64_t); word++)
			if (ptrace(PTRACE_POKEDATA, target,
				   area_page(area, page) + word * sizeof(uint64_t),
				   page_word(page_number(2, page), word)))
				_exit(2);
	ptrace(PTRACE_DETACH, target, 0, 0);
}

static void change(struct area *area)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	/* Page numbers as if each page had been written: the tracer pokes all of its words. */
	in_another_process(poke_pages, area);
	area_expect(area, 0, POKED, 2);
}

int main(int argc, char **argv)
{
	return areas_test(argc, argv, setup_anon, change);
}
