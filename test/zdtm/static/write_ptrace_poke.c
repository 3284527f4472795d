// SPDX-License-Identifier: GPL-2.0-only
#include <sys/ptrace.h>

#include "helper.h"
#include "writes.h"

const char *test_doc = "Pages written by PTRACE_POKEDATA of a process attached for that moment";
const char *test_author = "criu-lazy-wp";

#define FILE_NAME "write_ptrace_poke.test"

static int poke(const struct helper_request *request, const long *words)
{
	long *target = request->start;

	for (size_t i = 0; i < request->len / sizeof(*words); i++)
		if (ptrace(PTRACE_POKEDATA, request->pid, target + i, words[i]))
			return -1;
	return 0;
}

static int put(const struct helper_request *request, const void *bytes)
{
	int status, result;

	if (ptrace(PTRACE_SEIZE, request->pid, 0, 0))
		return -1;
	if (ptrace(PTRACE_INTERRUPT, request->pid, 0, 0) ||
	    waitpid(request->pid, &status, __WALL) != request->pid)
		return -1;
	result = poke(request, bytes);
	return ptrace(PTRACE_DETACH, request->pid, 0, 0) ? -1 : result;
}

int main(int argc, char **argv)
{
	int result;

	helper_start(put);
	test_init(argc, argv);
	writes_setup(FILE_NAME);
	result = writes_run(helper_put);
	helper_end(0);
	unlink(FILE_NAME);
	return result;
}
