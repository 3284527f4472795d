// SPDX-License-Identifier: GPL-2.0-only
#include <sys/uio.h>

#include "helper.h"
#include "writes.h"

const char *test_doc = "Pages written by process_vm_writev(2) of a child that is dumped as well";
const char *test_author = "criu-lazy-wp";

#define FILE_NAME "write_process_vm.test"

static int put(const struct helper_request *request, const void *bytes)
{
	struct iovec local = { (void *)bytes, request->bytes };
	struct iovec remote = { request->start, request->len };

	return process_vm_writev(request->pid, &local, 1, &remote, 1, 0) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	pid_t helper;
	int result;

	test_init(argc, argv);
	writes_setup(FILE_NAME);
	helper = helper_start(put);
	result = writes_run(helper_put);
	helper_end(helper);
	unlink(FILE_NAME);
	return result;
}
