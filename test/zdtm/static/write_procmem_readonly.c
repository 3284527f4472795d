// SPDX-License-Identifier: GPL-2.0-only
#include "procmem.h"
#include "writes.h"

const char *test_doc =
	"Read-only pages written through /proc/PID/mem, as debuggers set breakpoints";
const char *test_author = "criu-lazy-wp";

#define FILE_NAME "write_procmem_readonly.test"

static void make_read_only(const struct area *area)
{
	if (!mprotect(area->memory, area->pages * page_size(), PROT_READ | PROT_EXEC))
		return;
	pr_perror("mprotect");
	exit(1);
}

int main(int argc, char **argv)
{
	int result;

	helper_start(procmem_put);
	test_init(argc, argv);
	writes_setup(FILE_NAME);
	for (int shape = 0; shape < SHAPES; shape++) {
		make_read_only(&anonymous_areas[shape]);
		make_read_only(&file_areas[shape]);
	}
	result = writes_run(helper_put);
	helper_end(0);
	unlink(FILE_NAME);
	return result;
}
