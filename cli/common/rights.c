// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/log.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40 /* Linux 5.9 */
#endif

static bool is_set_id(const char *path)
{
	struct stat st;

	return !stat(path, &st) && ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
				    (st.st_mode & S_ISGID && st.st_gid != getegid()));
}

/* The kernel asks whether there is anything new in them; so do we, roughly: root has all of them. */
static bool has_capabilities(const char *path)
{
	return geteuid() && getxattr(path, "security.capability", NULL, 0) > 0;
}

bool cli_can_preload(const char *criu)
{
	return !is_set_id(criu) && !has_capabilities(criu);
}

/* What a program that has no capabilities of its own has after execve(2), if its user is not root. */
static bool passes_on(int capability)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1;
}

bool cli_may_run_criu(void)
{
	return !geteuid() || passes_on(CAP_CHECKPOINT_RESTORE) || passes_on(CAP_SYS_ADMIN);
}

int cli_check_rights(const char *what, const char *criu, bool unprivileged)
{
	if (!cli_can_preload(criu))
		log_error("cannot %s: %s has rights of its own (set-user-id or file capabilities), "
			  "and nothing can be preloaded into such a program: give them to the "
			  "caller, as setpriv --ambient-caps does, and take them from a copy of it",
			  what, criu);
	else if (!cli_may_run_criu())
		log_error("cannot %s: CRIU needs root or CAP_CHECKPOINT_RESTORE, among the ambient "
			  "capabilities (setpriv --inh-caps +checkpoint_restore --ambient-caps "
			  "+checkpoint_restore)",
			  what);
	else if (geteuid() && !unprivileged)
		log_error("cannot %s: CRIU, not run by root, wants its option --unprivileged on the "
			  "command line",
			  what);
	else
		return 0;
	return -EPERM;
}
