// SPDX-License-Identifier: GPL-2.0-only
/* Unusual tasks that must work, unusual callers, and what an injection costs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/ctl.h"
#include "ptrace-inject/inject.h"
#include "test/inject/harness/harness.h"
#include "util/cleanup.h"

#define INJECTIONS 100
#define MEASURED   400
#define ANSWER_MS  3000

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void echo(struct target_side *side)
{
	uint64_t message;

	side_say(side, 1);
	while ((message = side_hear(side)))
		side_say(side, message + 1);
}

static bool answers(struct target *target)
{
	uint64_t answer = 0;

	target_say(target, 41);
	return target_hear(target, ANSWER_MS, &answer) && answer == 42;
}

static void start(struct target *target, void (*run)(struct target_side *side))
{
	uint64_t message;

	target_start(target, run, NULL);
	if (!target_hear(target, ANSWER_MS, &message))
		tap_bail_out("no target");
}

/* state: of the leader, once the target is ready. */
static void check_works(const char *name, void (*run)(struct target_side *side), char state)
{
	struct target target;

	start(&target, run);
	target_wait_state(target.pid, state);
	target_inject(&target, INJECTIONS, name);
	tap_ok(answers(&target), "%s: the task works", name);
	target_end(&target);
}

/* What came out must be bound to the memory of the target: only that has this mapping. */
static void map_and_echo(struct target_side *side)
{
	void *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	side_say(side, (uint64_t)page);
	echo(side);
}

static void check_belongs_to_task(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range.len = page_bytes(),
					 .mode = UFFDIO_REGISTER_MODE_WP };
	struct target target;
	uint64_t page, message;
	auto_close int fd = -1;

	target_start(&target, map_and_echo, NULL);
	if (!target_hear(&target, ANSWER_MS, &page) || !target_hear(&target, ANSWER_MS, &message))
		tap_bail_out("no target");
	tap_ok(inject_userfaultfd(target.pid, TEST_USERFAULTFD_FLAGS, &fd) == 0 &&
		       ioctl(fd, UFFDIO_API, &api) == 0,
	       "the descriptor answers UFFDIO_API");
	range.range.start = page;
	munmap((void *)page, page_bytes());
	tap_ok(ioctl(fd, UFFDIO_REGISTER, &range) == 0, "it registers memory of the task");
	target_end(&target);
}

/* Nothing of the C library that might ask the vDSO for the time may follow. */
static void unmap_vdso_and_echo(struct target_side *side)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	if (vdso)
		munmap((void *)vdso, page_bytes());
	if (vdso)
		munmap((void *)(vdso + page_bytes()), page_bytes());
	echo(side);
}

static pthread_t leader;

static void *echo_after_leader(void *argument)
{
	pthread_join(leader, NULL);
	echo(argument);
	_exit(0);
}

static void end_leader_and_echo(struct target_side *side)
{
	static struct target_side kept;
	pthread_t thread;

	kept = *side;
	leader = pthread_self();
	pthread_create(&thread, NULL, echo_after_leader, &kept);
	pthread_exit(NULL);
}

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static volatile char dispatch_selector;
static volatile int dispatched, dispatch_stop;

/* Dispatch is off from then on. */
static void on_dispatched(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
	dispatch_selector = 0;
	dispatched++;
}

static void *stop_dispatch_soon(void *argument)
{
	side_hear(argument);
	dispatch_stop = 1;
	return NULL;
}

/* All system calls of the leader are dispatched while it computes; ours must not be. */
static void compute_under_dispatch(struct target_side *side)
{
	struct sigaction action = { .sa_sigaction = on_dispatched, .sa_flags = SA_SIGINFO };
	pthread_t waiter;

	sigaction(SIGSYS, &action, NULL);
	pthread_create(&waiter, NULL, stop_dispatch_soon, side);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &dispatch_selector)) {
		side_say(side, 2);
		return;
	}
	side_say(side, 1);
	dispatch_selector = 1;
	while (!dispatch_stop)
		;
	int before = dispatched;

	syscall(SYS_getppid);
	side_say(side, (uint64_t)(before * 100 + dispatched));
	side_hear(side);
}

/* Since Linux 6.4 a tracer may ask for it, and switch it off. */
static bool tracer_knows_dispatch(pid_t pid)
{
	struct inject_dispatch_config config;
	bool known;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		return false;
	waitpid(pid, NULL, __WALL);
	known = !ptrace((enum __ptrace_request)INJECT_GET_DISPATCH, pid, sizeof(config), &config);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return known;
}

static void check_dispatch(void)
{
	struct target target;
	uint64_t message = 0;

	target_start(&target, compute_under_dispatch, NULL);
	target_hear(&target, ANSWER_MS, &message);
	if (message != 1) {
		tap_skip("system call dispatch", "not on this machine");
	} else if (!tracer_knows_dispatch(target.pid)) {
		tap_skip("system call dispatch", "a tracer cannot switch it off before Linux 6.4");
	} else {
		target_inject(&target, INJECTIONS, "system call dispatch");
		target_say(&target, 1);
		target_hear(&target, ANSWER_MS, &message);
		tap_ok(message == 1, "system call dispatch: only its own call was dispatched (%ju)",
		       (uintmax_t)message);
	}
	target_end(&target);
}

static int write_text(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;
	int error;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	error = fputs(text, file) < 0;
	return fclose(file) || error ? -EIO : 0;
}

static volatile uint64_t loops;

static void *echo_beside_leader(void *argument)
{
	echo(argument);
	_exit(0);
}

static void compute_and_echo(struct target_side *side)
{
	pthread_t thread;

	pthread_create(&thread, NULL, echo_beside_leader, side);
	for (;;)
		loops++;
}

/* The control group in use, and what thaws it; removed even if the test bails out. */
static struct {
	char directory[192];
	const char *parent, *file, *thaw;
	pid_t pid;
} frozen;

static void leave_group(void)
{
	char pid[16];

	if (!frozen.directory[0])
		return;
	snprintf(pid, sizeof(pid), "%d", frozen.pid);
	write_text(frozen.directory, frozen.file, frozen.thaw);
	write_text(frozen.parent, "cgroup.procs", pid);
	rmdir(frozen.directory);
	frozen.directory[0] = '\0';
}

static void check_while_frozen(struct target *target, const char *freeze, const char *what)
{
	int fd = -7, error;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", target->pid);
	if (write_text(frozen.directory, "cgroup.procs", pid) ||
	    write_text(frozen.directory, frozen.file, freeze)) {
		tap_skip(what, "no freezer here");
		return;
	}
	error = inject_userfaultfd(target->pid, TEST_USERFAULTFD_FLAGS, &fd);
	tap_ok(error == -ETIMEDOUT && fd == -7, "%s: %s", what, inject_strerror(error));
	write_text(frozen.directory, frozen.file, frozen.thaw);
	tap_ok(answers(target), "%s: the task works when thawed", what);
	target_inject(target, INJECTIONS, what);
	tap_ok(answers(target), "%s: and still does", what);
}

static void check_frozen(const char *parent, const char *file, const char *freeze, const char *thaw,
			 void (*run)(struct target_side *side), const char *what)
{
	struct target target;
	char directory[192];

	snprintf(directory, sizeof(directory), "%s/lazy-wp-test-%d", parent, getpid());
	if (mkdir(directory, 0700)) {
		tap_skip(what, "no such control group can be made here");
		return;
	}
	start(&target, run);
	frozen.parent = parent;
	frozen.file = file;
	frozen.thaw = thaw;
	frozen.pid = target.pid;
	strcpy(frozen.directory, directory);
	check_while_frozen(&target, freeze, what);
	leave_group();
	target_end(&target);
}

static void check_freezers(void)
{
	static const char *const unified[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	const char *group = access("/sys/fs/cgroup/unified", F_OK) ? unified[1] : unified[0];

	check_frozen("/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED", echo,
		     "freezer v1, waiting");
	check_frozen(group, "cgroup.freeze", "1", "0", echo, "freezer v2, waiting");
	check_frozen(group, "cgroup.freeze", "1", "0", compute_and_echo, "freezer v2, computing");
}

static volatile sig_atomic_t stolen;

/* As a program may have it that reaps whatever child comes along. */
static void reap_anything(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		stolen++;
}

static void check_caller_that_reaps(void)
{
	struct sigaction action = { .sa_handler = reap_anything }, before;
	struct target target;
	sigset_t mask_before, mask_after;

	start(&target, echo);
	sigaction(SIGCHLD, &action, &before);
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	target_inject_only(target.pid, INJECTIONS);
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	sigaction(SIGCHLD, &before, NULL);
	tap_ok(!stolen, "a caller that reaps all its children sees none of ours (%d)", stolen);
	tap_ok(!memcmp(&mask_before, &mask_after, 8), "its signal mask is as before");
	tap_ok(waitpid(-1, NULL, WNOHANG | __WALL) == 0, "and no helper is left");
	target_end(&target);
}

static void *inject_from_thread(void *argument)
{
	target_inject_only(*(pid_t *)argument, INJECTIONS);
	return NULL;
}

static void check_concurrent_callers(void)
{
	struct target targets[3];
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		start(&targets[i], echo);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, inject_from_thread, &targets[i].pid);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		tap_ok(answers(&targets[i]), "three threads inject at a time: task %d works", i);
		target_end(&targets[i]);
	}
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *name, void (*run)(struct target_side *side))
{
	static int64_t times_us[MEASURED];
	struct target target;

	start(&target, run);
	for (int i = 0; i < MEASURED; i++) {
		int64_t start_us = test_now_us();

		target_inject_only(target.pid, 1);
		times_us[i] = test_now_us() - start_us;
	}
	qsort(times_us, MEASURED, sizeof(times_us[0]), compare_times);
	tap_note("%s: median %jd us, 99 %% within %jd us", name, (intmax_t)times_us[MEASURED / 2],
		 (intmax_t)times_us[MEASURED * 99 / 100]);
	target_end(&target);
}

/* Only from such a one a descriptor can be fetched when the first thread has ended. */
static bool threads_have_pidfds(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL); /* PIDFD_THREAD */

	close(pidfd);
	return pidfd >= 0;
}

int main(void)
{
	test_limit_seconds(40);
	atexit(leave_group);
	check_belongs_to_task();
	check_works("without a vDSO", unmap_vdso_and_echo, 'S');
	if (threads_have_pidfds())
		check_works("leader gone", end_leader_and_echo, 'Z');
	else
		tap_skip("leader gone", "no pidfd of a thread before Linux 6.9");
	check_dispatch();
	check_caller_that_reaps();
	check_concurrent_callers();
	measure("waiting in read()", echo);
	measure("computing", compute_and_echo);
	check_freezers();
	return tap_finish();
}
