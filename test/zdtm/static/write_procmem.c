// SPDX-License-Identifier: GPL-2.0-only
#include "procmem.h"
#include "writes.h"

const char *test_doc =
	"Pages written through /proc/PID/mem by a process outside of the dumped tree";
const char *test_author = "criu-lazy-wp";

#define FILE_NAME "write_procmem.test"

int main(int argc, char **argv)
{
	int result;

	helper_start(procmem_put);
	test_init(argc, argv);
	writes_setup(FILE_NAME);
	result = writes_run(helper_put);
	helper_end(0);
	unlink(FILE_NAME);
	return result;
}
