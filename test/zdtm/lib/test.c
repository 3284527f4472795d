// SPDX-License-Identifier: GPL-2.0-only
/* The life of a test: into the background, signals, pid and result files, pre-dump notices. */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lock.h"
#include "zdtmtst.h"

enum { STAGE_INIT, STAGE_RUNNING, STAGE_FAILED };

futex_t sig_received;

static char *outfile, *pidfile;
TEST_OPTION(outfile, string, "output file", 1)
TEST_OPTION(pidfile, string, "file to store pid", 1)

/* Shared by the process that was started and the one that goes on as the test. */
static futex_t *stage;
static bool is_starter;
static pid_t test_pid;
static int start_dir = -1;
static int notify_in = -1, notify_out = -1;

static void die(const char *what)
{
	pr_perror("%s", what);
	exit(1);
}

static void on_signal(int signo)
{
	if (is_starter)
		futex_set_and_wake(stage, STAGE_FAILED);
	futex_set_and_wake(&sig_received, (uint32_t)signo);
	if (notify_in >= 0) /* ends a read() of it */
		close(notify_in);
}

static void finish(void)
{
	char path[PATH_MAX];

	if (getpid() != test_pid)
		return;
	ssprintf(path, "%s%s", outfile, INPROGRESS);
	renameat(start_dir, path, start_dir, outfile);
	unlinkat(start_dir, pidfile, 0);
}

static int environment_fd(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : -1;
}

/* A pipe end at the number that the runner knows; it opens the other one through /proc. A reading
 * end keeps its writing end, or it would be at its end of file from the start. */
static void open_notify(int number, int end)
{
	int pipe_ends[2];

	if (pipe(pipe_ends) || dup2(pipe_ends[end], number) < 0)
		die("pre-dump notification");
	close(pipe_ends[end]);
	if (end)
		close(pipe_ends[0]);
}

static void init_notify(void)
{
	int in = environment_fd("ZDTM_NOTIFY_FDIN"), out = environment_fd("ZDTM_NOTIFY_FDOUT");

	if (in < 0 || out < 0)
		return;
	open_notify(in, 0);
	open_notify(out, 1);
	notify_in = in;
	notify_out = out;
}

static void catch_signal(int signo, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	if (sigaction(signo, &action, NULL))
		die("sigaction");
}

static void become_user(void)
{
	const char *uid = getenv("ZDTM_UID"), *gid = getenv("ZDTM_GID");

	if (gid && (setgroups(0, NULL) || setgid((gid_t)atoi(gid))))
		die("setgid");
	if (uid && setuid((uid_t)atoi(uid)))
		die("setuid");
	if (prctl(PR_SET_DUMPABLE, 1))
		die("PR_SET_DUMPABLE");
}

static void open_outfile(void)
{
	int null = open("/dev/null", O_RDWR);

	start_dir = open(".", O_RDONLY);
	if (start_dir < 0 || null < 0 || atexit(finish))
		die("opening the output file");
	if (!access(outfile, F_OK)) {
		fprintf(stderr, "Output file %s appears to exist, aborting\n", outfile);
		exit(1);
	}
	if (test_log_init(outfile, INPROGRESS))
		exit(1);
	dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* The process that was started: it ends when the test stands, or when it failed. */
static void wait_for_test(pid_t pid)
{
	int status;

	futex_wait_while(stage, STAGE_INIT);
	if (futex_get(stage) != STAGE_FAILED)
		_exit(write_pidfile(pid) ? 1 : 0);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	pr_err("the test ended while setting up: wait status %#x\n", (unsigned int)status);
	_exit(1);
}

int write_pidfile(int pid)
{
	char temporary[] = ".zdtm.pidfile.XXXXXX";
	int fd = mkstemp(temporary);

	if (fd < 0 || fchmod(fd, 0644) || dprintf(fd, "%d", pid) < 0 || close(fd) ||
	    rename(temporary, pidfile)) {
		pr_perror("writing %s", pidfile);
		return -1;
	}
	return 0;
}

void test_init(int argc, char **argv)
{
	pid_t pid;

	parseargs(argc, argv);
	init_notify();
	become_user();
	catch_signal(SIGTERM, on_signal);
	catch_signal(SIGCHLD, on_signal);
	open_outfile();
	stage = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
	if (stage == MAP_FAILED)
		die("mmap");
	is_starter = true;
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		wait_for_test(pid);
	is_starter = false;
	if (setsid() < 0)
		die("setsid");
	test_pid = getpid();
	catch_signal(SIGCHLD, SIG_DFL);
	srand48(time(NULL));
}

void test_ext_init(int argc, char **argv)
{
	parseargs(argc, argv);
	if (test_log_init(outfile, ".external"))
		exit(1);
}

void test_daemon(void)
{
	futex_set_and_wake(stage, STAGE_RUNNING);
}

int test_go(void)
{
	return !futex_get(&sig_received);
}

void test_waitsig(void)
{
	futex_wait_while(&sig_received, 0);
}

int test_wait_pre_dump(void)
{
	int notice;

	if (notify_in < 0) {
		pr_err("not started with pre-dump-notify\n");
		return -1;
	}
	if (read(notify_in, &notice, sizeof(notice)) == sizeof(notice))
		return 0;
	if (errno != EBADF || test_go())
		pr_perror("waiting for a pre-dump");
	return -1;
}

int test_wait_pre_dump_ack(void)
{
	int answer = 0;

	if (write(notify_out, &answer, sizeof(answer)) == sizeof(answer))
		return 0;
	pr_perror("answering a pre-dump notice");
	return -1;
}

int test_fork_id(int id)
{
	(void)id;
	return fork();
}

pid_t sys_clone_unified(unsigned long flags, void *child_stack, void *parent_tid, void *child_tid,
			unsigned long newtls)
{
#ifdef __x86_64__
	return (pid_t)syscall(SYS_clone, flags, child_stack, parent_tid, child_tid, newtls);
#else
	return (pid_t)syscall(SYS_clone, flags, child_stack, parent_tid, newtls, child_tid);
#endif
}
