/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the launcher tells the plugin, across exec, that it is wanted and for what: LD_PRELOAD
 * names the plugin, one variable of ours carries the rest. The plugin takes both out of its
 * environment at once, so nothing that CRIU executes inherits them. What the user had in
 * LD_PRELOAD stays there. Without our variable the plugin is inert.
 */
#ifndef LAZY_WP_SESSION_ACTIVATION_H
#define LAZY_WP_SESSION_ACTIVATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "track/kind.h"

struct session_activation {
	/* "pre-dump" or "dump"; "rpc": requests will tell; NULL: only the support probe is answered */
	const char *what;
	pid_t root; /* the tree of a "pre-dump" or "dump" */
	enum track_kind tracker;
	const char *keeper; /* path of lazy-wpd */
	pid_t throttle; /* slows the tree until CRIU stops it (ptrace-inject/throttle.h); 0: none */
};

/* Puts it into our environment for the exec that follows, with the log level and the keepers' idle
 * limit of this process, which the plugin's then are the same. -EINVAL: the plugin's path cannot be
 * preloaded (it has a space or colon) or keeper's is too long; -ENOMEM. One line is logged. */
int session_activation_export(const struct session_activation *activation, const char *plugin);

/*
 * Takes it out of our environment. Strings point into storage that stays valid for the life of
 * the process. Returns false if there is none, and leaves the environment alone.
 */
bool session_activation_import(struct session_activation *ret_activation);

#endif
