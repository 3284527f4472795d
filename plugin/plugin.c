// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life cycle: the launcher's activation is read before CRIU's main(), or says that a request will
 * tell; the session opens right before the freeze; it is committed when CRIU ends with success or
 * answers so. cr_plugin_fini is not used for that: CRIU does not call it at the end of a pre-dump,
 * and its images are not complete then.
 */
#include <criu-plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "image/chain.h"
#include "image/inventory.h"
#include "plugin/plugin.h"
#include "plugin/rpc.h"
#include "ptrace-inject/throttle.h"
#include "session/activation.h"
#include "util/log.h"

/* CRIU's own; weak, because the plugin is also loaded where they do not exist (ldd, tests). */
extern void print_on_level(unsigned int level, const char *format, ...) __attribute__((weak));
extern int log_get_fd(void) __attribute__((weak));
extern int criu_get_image_dir(void) __attribute__((weak));

static struct {
	bool active; /* of a server of requests: the last one is about tracking */
	bool opened;
	bool failed; /* the iteration could not be committed */
	bool rpc;    /* CRIU serves requests: what and root of activation are the last one's */
	int socket;  /* it came from there */
	struct session_activation activation;
	struct session *session;
	int images;        /* our own copy of CRIU's descriptor, which is closed before the end */
	uint64_t smaps_us; /* of reading smaps since the session began, most of a freeze */
	pid_t owner;       /* CRIU forks helpers, which inherit our handlers but not our session */
} plugin;

/*
 * With a log file CRIU says nothing on stderr. A server of requests may have been started without
 * a stderr, and what has its number then is not ours to write to.
 */
static bool user_sees_only_stderr(void)
{
	return !plugin.rpc && (!log_get_fd || log_get_fd() != STDERR_FILENO);
}

/*
 * CRIU's log is the place for everything; what a user must know (warnings, errors) also goes to
 * stderr when CRIU's log went to a file.
 */
static void log_to_criu(enum log_level level, const char *line)
{
	static const unsigned int criu_levels[] = { 1, 2, 3, 4 };
	static const char *const prefixes[] = { "Error: ", "Warn: ", "", "" };

	if (print_on_level)
		print_on_level(criu_levels[level], "lazy-wp: %s%s\n", prefixes[level], line);
	if (level <= LOG_LEVEL_WARN && user_sees_only_stderr())
		dprintf(STDERR_FILENO, "lazy-wp: %s%s\n", prefixes[level], line);
}

bool plugin_is_active(void)
{
	return plugin.active;
}

static bool images_are_full(void)
{
	struct statvfs fs;

	return !fstatvfs(plugin.images, &fs) && !fs.f_bavail;
}

static void tell_failure(void)
{
	if (user_sees_only_stderr())
		dprintf(STDERR_FILENO, "lazy-wp: Error: %s of %d failed: %s\n",
			plugin.activation.what, plugin.activation.root,
			images_are_full() ? "no space left in the images directory" :
					    "see CRIU's log file");
}

/* CRIU's statistics are in its working directory, and nothing but numbers for people. */
static void complete_stats(void)
{
	uint64_t hidden = session_count_hidden(plugin.session);
	int ret = hidden ? image_stats_add_in_parent(AT_FDCWD, hidden) : 0;
	struct session_figures figures = { .command = plugin.activation.what,
					   .smaps_us = plugin.smaps_us };
	struct image_stats stats;

	if (ret)
		log_warn("stats-dump lacks %llu pages of the parent: %s",
			 (unsigned long long)hidden, strerror(-ret));
	if (!image_stats_load(AT_FDCWD, &stats, NULL)) {
		figures.pages_written = stats.pages_written;
		figures.pages_in_parent = stats.pages_skipped_parent;
	}
	session_write_stats(plugin.session, &figures);
}

/* CRIU has written and closed all its images. */
static void end_session(bool success)
{
	if (success && plugin.session) {
		complete_stats();
		plugin.failed = session_commit(plugin.session) < 0;
	}
	session_close(plugin.session);
	plugin.session = NULL;
}

/*
 * Runs at exit(). Images that never reached the disk are no success, and nobody else would tell: a
 * dump has ended its tasks by now.
 */
static void at_exit(int status, void *arg)
{
	(void)arg;
	if (plugin.owner != getpid())
		return;
	if (status)
		tell_failure();
	end_session(!status);
	if (plugin.failed)
		_exit(EXIT_FAILURE);
}

static bool is_rpc_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_UNIX &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_SEQPACKET;
}

static pid_t peer_of(int socket)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
}

void plugin_received(int fd, const void *packet, size_t len)
{
	struct plugin_request request;

	if (!plugin.rpc || !is_rpc_socket(fd) || !plugin_rpc_parse(packet, len, &request))
		return;
	plugin.socket = fd;
	plugin.active = request.tracks;
	plugin.activation.what = request.what;
	plugin.activation.root = request.root ? request.root : peer_of(fd);
}

size_t plugin_before_answer(int fd, const void *packet, size_t len, uint8_t **ret_packet)
{
	if (!plugin.rpc || !plugin.session || fd != plugin.socket || plugin.owner != getpid() ||
	    !plugin_rpc_is_dump_success(packet, len))
		return 0;
	end_session(true);
	return plugin.failed ? plugin_rpc_as_failure(packet, len, ret_packet) : 0;
}

/* What CRIU would do then is to dump everything, but it is not told of what is clean. */
static int check_chain(void)
{
	struct image_error error;
	int ret = image_chain_check_parents(plugin.images, "parent", &error);

	if (ret)
		log_error("%s of %d failed: %s: take another directory, or begin without a parent",
			  plugin.activation.what, plugin.activation.root, error.text);
	return ret;
}

int plugin_before_stop(pid_t pid)
{
	int ret;

	if (plugin.opened || !plugin.activation.what || pid != plugin.activation.root)
		return 0;
	plugin.opened = true; /* first, because adopting seizes tasks itself */
	plugin.owner = getpid();
	plugin.smaps_us = 0;
	inject_throttle_end(plugin.activation.throttle);
	plugin.activation.throttle = 0;
	plugin.images = criu_get_image_dir ? fcntl(criu_get_image_dir(), F_DUPFD_CLOEXEC, 0) : -1;
	ret = plugin_has_page_server() ? 0 : check_chain();
	if (!ret)
		ret = session_open(plugin.activation.root, plugin.activation.what,
				   plugin.activation.keeper, plugin.activation.tracker,
				   &plugin.session);
	if (!ret)
		ret = session_set_images(plugin.session, plugin.images);
	/* A pre-dump's images are not complete before its inventory. */
	if (!ret && plugin_has_page_server())
		session_set_remote(plugin.session);
	else if (!ret && !strcmp(plugin.activation.what, "dump"))
		session_set_hiding(plugin.session);
	if (!ret)
		ret = session_adopt(plugin.session);
	if (!ret && on_exit(at_exit, NULL))
		ret = -ENOMEM;
	if (ret)
		plugin.opened = false;
	return ret;
}

int plugin_before_freeze(void)
{
	return plugin_before_stop(plugin.activation.root);
}

struct session_task *plugin_take(pid_t pid)
{
	if (!plugin.session || plugin.owner != getpid())
		return NULL;
	return session_take(plugin.session, pid);
}

bool plugin_hides(void)
{
	return plugin.session && session_hides(plugin.session);
}

void plugin_note_smaps(uint64_t us)
{
	if (plugin.session)
		plugin.smaps_us += us;
}

struct session *plugin_remote_session(void)
{
	if (!plugin.session || plugin.owner != getpid())
		return NULL;
	return session_is_remote(plugin.session) ? plugin.session : NULL;
}

int plugin_before_inventory(void)
{
	if (!plugin.session || plugin.owner != getpid())
		return 0;
	return session_restore_hidden(plugin.session);
}

bool plugin_uses_soft_dirty(void)
{
	return plugin.activation.tracker == TRACK_KIND_SOFT_DIRTY;
}

bool plugin_may_reset(pid_t pid)
{
	const struct session_task *task;

	if (!plugin_uses_soft_dirty())
		return false;
	if (pid == getpid())
		return true;
	task = plugin.session ? session_taken(plugin.session, pid) : NULL;
	return task && task->armed;
}

static void __attribute__((constructor)) activate(void)
{
	if (!session_activation_import(&plugin.activation))
		return;
	plugin.rpc = plugin.activation.what && !strcmp(plugin.activation.what, "rpc");
	plugin.active = !plugin.rpc;
	if (plugin.rpc)
		plugin.activation.what = NULL;
	log_set_callback(log_to_criu);
}

/* -ENOTSUP lets CRIU go on to the next plugin; any other value would end the chain. */
static int pause_devices(int pid)
{
	int ret = plugin_is_active() ? plugin_before_stop(pid) : 0;

	return ret ? -EBUSY : -ENOTSUP;
}

/* Hooks up to PAUSE_DEVICES: a larger number than CRIU 4.0 knows would be refused. */
__attribute__((visibility("default"))) cr_plugin_desc_t CR_PLUGIN_DESC = {
	.name = "lazy_wp_plugin",
	.version = CRIU_PLUGIN_VERSION,
	.max_hooks = CR_PLUGIN_HOOK__PAUSE_DEVICES + 1,
	.hooks = { [CR_PLUGIN_HOOK__PAUSE_DEVICES] = pause_devices },
};
