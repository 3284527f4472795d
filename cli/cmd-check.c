// SPDX-License-Identifier: GPL-2.0-only
/* `criu-lazy-wp check`: what works here, found by trying. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/common/config.h"
#include "cli/common/criu-version.h"
#include "cli/common/paths.h"
#include "cli/common/rights.h"
#include "ptrace-inject/inject.h"
#include "track/kind.h"
#include "track/uffd.h"
#include "util/cleanup.h"

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void print_features(const struct track_features *features)
{
	struct utsname kernel;

	uname(&kernel);
	printf("kernel:                        %s %s\n", kernel.release, kernel.machine);
	printf("PAGEMAP_SCAN:                  %s\n", yes_no(features->pagemap_scan));
	printf("asynchronous write-protect:    %s%s%s\n", yes_no(features->uffd_wp_async),
	       features->uffd_error ? ": " : "",
	       features->uffd_error ? strerror(-features->uffd_error) : "");
	printf("soft-dirty:                    %s\n", yes_no(features->soft_dirty));
	if (!features->uffd_wp_async)
		return;
	printf("bug, zapped pages look clean:  %s\n",
	       features->zapped_is_clean ? "yes (worked around)" : "no");
	/* Looking for that one could hang us (CVE-2026-72175). */
	printf("bug, hugetlb scan deadlocks:   not tried (worked around: hugetlb is never armed)\n");
	printf("bug, mremap keeps protection:  %s\n",
	       features->moved_keeps_armed ? "yes (uffd-wp is refused)" : "no");
}

/* Injects into a child of our own: shows that ptrace, the descriptor's way out and seccomp allow it. */
static int try_injection(void)
{
	auto_close int uffd = -1;
	int pipe_fds[2], ret;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child) {
		char byte;

		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) < 0);
	}
	close(pipe_fds[0]);
	ret = child < 0 ? -errno : inject_userfaultfd(child, track_uffd_flags(), &uffd);
	if (!ret)
		ret = track_uffd_init(uffd);
	close(pipe_fds[1]); /* the child reads the end of the pipe and goes */
	if (child > 0)
		waitpid(child, NULL, 0);
	return ret;
}

static bool check_criu(void)
{
	struct cli_paths paths;
	struct cli_criu_version version;
	int ret;

	if (cli_find_paths(&paths))
		return false;
	ret = cli_criu_version(paths.criu, &version);
	printf("CRIU:                          %s (%s)%s\n", paths.criu, version.line,
	       ret || version.major < 4 ? ": needs 4.0 or later" : "");
	return !ret && version.major >= 4;
}

int cli_cmd_check(int argc, char **argv)
{
	struct track_features features;
	enum track_kind kind;
	int ret = track_probe(&features);
	bool usable;

	if (argc > 1) {
		fprintf(stderr, "Error: check takes no argument '%s'\n", argv[1]);
		return 1;
	}
	if (cli_config_load())
		return 1;
	if (ret) {
		fprintf(stderr, "Error: cannot probe this kernel: %s\n", strerror(-ret));
		return 1;
	}
	print_features(&features);
	kind = track_kind_best(&features);
	usable = kind != TRACK_KIND_NONE;
	if (kind == TRACK_KIND_UFFD_WP) {
		ret = try_injection();
		printf("injection into a process:      %s\n", ret ? inject_strerror(ret) : "yes");
		usable = !ret;
	}
	usable = check_criu() && usable;
	if (!cli_may_run_criu()) {
		printf("CRIU run by this user:         no: it needs CAP_CHECKPOINT_RESTORE "
		       "(live pre-dumps do not)\n");
		usable = false;
	}
	printf("tracker that auto takes:       %s\n", track_kind_name(kind));
	if (kind == TRACK_KIND_NONE)
		printf("because:                       %s\n", track_kind_refusal(&features, kind));
	printf("incremental checkpoints:       %s\n", usable ? "work here" : "do not work here");
	return usable ? 0 : 1;
}
