// SPDX-License-Identifier: GPL-2.0-only
#include "session/activation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "keeper/client/keeper-client.h"
#include "util/cleanup.h"
#include "util/log.h"

#define VARIABLE "LAZY_WP_PLUGIN"

int session_activation_export(const struct session_activation *activation, const char *plugin)
{
	const char *users = getenv("LD_PRELOAD");
	auto_free char *preload = NULL, *value = NULL;

	if (strpbrk(plugin, " :")) {
		log_error(
			"cannot preload %s: move the installation to a path without spaces and colons",
			plugin);
		return -EINVAL;
	}
	if (strlen(activation->keeper) >= PATH_MAX)
		return -EINVAL;
	if (asprintf(&preload, "%s%s%s", plugin, users ? ":" : "", users ? users : "") < 0 ||
	    asprintf(&value, "%s %d %d %d %d %u %s", activation->what ? activation->what : "probe",
		     activation->root, (int)activation->tracker, activation->throttle,
		     (int)log_get_level(), keeper_get_idle_limit(), activation->keeper) < 0)
		return -ENOMEM;
	if (setenv("LD_PRELOAD", preload, 1) || setenv(VARIABLE, value, 1))
		return -errno;
	return 0;
}

/* Our plugin stands first; the user's entries, if any, stay. */
static void restore_preload(void)
{
	const char *preload = getenv("LD_PRELOAD"), *users = preload ? strchr(preload, ':') : NULL;
	auto_free char *copy = users ? strdup(users + 1) : NULL;

	if (copy)
		setenv("LD_PRELOAD", copy, 1);
	else
		unsetenv("LD_PRELOAD");
}

bool session_activation_import(struct session_activation *ret_activation)
{
	static char what[16], keeper[PATH_MAX];
	const char *value = getenv(VARIABLE);
	int root, tracker, throttle, level, keeper_at = 0;
	unsigned int idle_limit;

	if (!value)
		return false;
	if (sscanf(value, "%15s %d %d %d %d %u %n", what, &root, &tracker, &throttle, &level,
		   &idle_limit, &keeper_at) != 6 ||
	    !keeper_at || !value[keeper_at])
		return false;
	snprintf(keeper, sizeof(keeper), "%s", value + keeper_at);
	unsetenv(VARIABLE);
	restore_preload();
	log_set_level((enum log_level)level);
	keeper_set_idle_limit(idle_limit);
	ret_activation->what = strcmp(what, "probe") ? what : NULL;
	ret_activation->root = root;
	ret_activation->tracker = (enum track_kind)tracker;
	ret_activation->throttle = throttle;
	ret_activation->keeper = keeper;
	return true;
}
