// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into CRIU by scripts/check-zdtm where root has no CAP_SYS_RESOURCE, and only there:
 * the kernel refuses prlimit64() for tasks of another user then, and CRIU can dump none of them.
 * /proc/PID/limits says the same to everyone. CRIU calls it by number, so syscall() is taken.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_COLUMNS 26 /* of each line; then soft and hard limit */

long syscall(long number, ...);

static unsigned long long parse_limit(const char *text)
{
	return !strcmp(text, "unlimited") ? RLIM64_INFINITY : strtoull(text, NULL, 10);
}

/* The lines after the heading are in the order of the resources' numbers. */
static bool read_limit(int pid, int resource, struct rlimit64 *ret_limit)
{
	char path[32], line[256] = "", soft[32], hard[32];
	FILE *file;
	int lines = 0;

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (lines < resource + 2 && fgets(line, sizeof(line), file))
		lines++;
	fclose(file);
	if (lines != resource + 2 || strlen(line) <= NAME_COLUMNS ||
	    sscanf(line + NAME_COLUMNS, "%31s %31s", soft, hard) != 2)
		return false;
	*ret_limit = (struct rlimit64){ parse_limit(soft), parse_limit(hard) };
	return true;
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6], ret;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	ret = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number != SYS_prlimit64 || ret != -1 || errno != EPERM || a[2] || !a[3])
		return ret;
	return read_limit((int)a[0], (int)a[1], (struct rlimit64 *)a[3]) ? 0 : ret;
}
