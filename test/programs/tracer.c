// SPDX-License-Identifier: GPL-2.0-only
// A debugger that does nothing: tracer PID FILE seizes PID without stopping it, writes "ready"
// into FILE, and waits for SIGTERM. When it ends the kernel detaches PID, which runs on.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int signal_number, fd;
	sigset_t set;

	if (argc != 3)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (ptrace(PTRACE_SEIZE, atoi(argv[1]), NULL, NULL)) {
		perror("PTRACE_SEIZE");
		return 1;
	}
	fd = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "ready\n", 6) != 6)
		return 1;
	return sigwait(&set, &signal_number) ? 1 : 0;
}
