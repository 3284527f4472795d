// SPDX-License-Identifier: GPL-2.0-only
/* Messages go to standard error, which is the output file, each by a single write(). */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <time.h>

#include "zdtmtst.h"

int zdtm_seccomp;

int test_log_init(const char *outfile, const char *suffix)
{
	char path[PATH_MAX];
	int fd;

	ssprintf(path, "%s%s", outfile, suffix);
	fd = open(path, O_WRONLY | O_EXCL | O_CREAT | O_APPEND, 0644);
	if (fd < 0) {
		pr_perror("Can't open file %s", path);
		return -1;
	}
	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	setbuf(stdout, NULL);
	setbuf(stderr, NULL);
	return 0;
}

static size_t stamp(char *buffer, size_t size)
{
	struct timespec now;
	struct tm local;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	len = strftime(buffer, size, "%H:%M:%S", &local);
	return len + (size_t)snprintf(buffer + len, size - len,
				      ".%03ld: %5d: ", now.tv_nsec / 1000000, getpid());
}

void test_msg(const char *format, ...)
{
	char buffer[TEST_MSG_BUFFER_SIZE];
	int saved_errno = errno, len;
	size_t used = zdtm_seccomp ? 0 : stamp(buffer, sizeof(buffer));
	va_list arguments;

	va_start(arguments, format);
	errno = saved_errno;
	len = vsnprintf(buffer + used, sizeof(buffer) - used, format, arguments);
	va_end(arguments);
	if (len > 0)
		used += (size_t)len;
	if (used >= sizeof(buffer))
		used = sizeof(buffer) - 1;
	if (write(STDERR_FILENO, buffer, used) < 0)
		errno = saved_errno;
	errno = saved_errno;
}
