// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "util/log.h"

bool cli_is_rpc(const char *command)
{
	return command && (!strcmp(command, "swrk") || !strcmp(command, "service"));
}

static void log_to_syslog(enum log_level level, const char *line)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

	syslog(LOG_DAEMON | priorities[level], "%s", line);
}

void cli_rpc_log_to_syslog(void)
{
	openlog("criu-lazy-wp", LOG_PID, LOG_DAEMON);
	log_set_callback(log_to_syslog);
}

int cli_rpc_open_standard_descriptors(void)
{
	int fd;

	/* The lowest free number each time; not closed at exec, on purpose. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
