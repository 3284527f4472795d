// SPDX-License-Identifier: GPL-2.0-only
/*
 * A system call that waits for something stays in it through many injections and then returns
 * what it would have: the same call with the same arguments, not EINTR.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/arch.h"
#include "test/inject/harness/harness.h"

#define INJECTIONS    50
#define WAKE_LIMIT_MS 5000

/* What both sides share; set up by the test before the target is forked. */
static struct {
	int pipe[2], pair[2], epoll, listener, semaphore, io_uring;
	uint32_t *word;
} shared;

static long or_errno(long result)
{
	return result < 0 ? -errno : result;
}

static long wait_read(void)
{
	char byte;

	return or_errno(read(shared.pipe[0], &byte, 1));
}

static long wait_poll(void)
{
	struct pollfd pollfd = { .fd = shared.pipe[0], .events = POLLIN };

	return or_errno(poll(&pollfd, 1, -1));
}

static long wait_ppoll(void)
{
	struct pollfd pollfd = { .fd = shared.pipe[0], .events = POLLIN };
	sigset_t mask;

	sigfillset(&mask);
	return or_errno(ppoll(&pollfd, 1, NULL, &mask));
}

static long wait_epoll(void)
{
	struct epoll_event event;

	return or_errno(epoll_wait(shared.epoll, &event, 1, -1));
}

/* A finite timeout as event loops use it, far longer than the test. */
static long wait_epoll_timeout(void)
{
	struct epoll_event event;

	return or_errno(epoll_wait(shared.epoll, &event, 1, 60000));
}

static long wait_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t mask;

	sigfillset(&mask);
	return or_errno(epoll_pwait(shared.epoll, &event, 1, -1, &mask));
}

static long wait_futex(void)
{
	return or_errno(syscall(SYS_futex, shared.word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

static long wait_accept(void)
{
	return or_errno(accept4(shared.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;
}

static long wait_receive(void)
{
	char byte;

	return or_errno(recv(shared.pair[0], &byte, 1, 0));
}

static long wait_semop(void)
{
	struct sembuf take = { .sem_op = -1 };

	return or_errno(syscall(SYS_semtimedop, shared.semaphore, &take, 1, NULL));
}

static long wait_sigwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return or_errno(sigwaitinfo(&set, NULL)) == SIGUSR1;
}

static long wait_io_uring(void)
{
	return or_errno(syscall(SYS_io_uring_enter, shared.io_uring, 0, 1, IORING_ENTER_GETEVENTS,
				NULL, 0));
}

static void wake_by_pipe(pid_t pid)
{
	(void)pid;
	if (write(shared.pipe[1], "x", 1) != 1)
		tap_bail_out("write: %m");
}

static void wake_futex(pid_t pid)
{
	(void)pid;
	__atomic_store_n(shared.word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, shared.word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void wake_accept(pid_t pid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)pid;
	if (getsockname(shared.listener, (struct sockaddr *)&address, &len) ||
	    connect(client, (struct sockaddr *)&address, len))
		tap_bail_out("connect: %m");
	close(client);
}

static void wake_receive(pid_t pid)
{
	(void)pid;
	if (send(shared.pair[1], "x", 1, 0) != 1)
		tap_bail_out("send: %m");
}

static void wake_semop(pid_t pid)
{
	struct sembuf give = { .sem_op = 1 };

	(void)pid;
	if (semop(shared.semaphore, &give, 1))
		tap_bail_out("semop: %m");
}

static void wake_sigwait(pid_t pid)
{
	kill(pid, SIGUSR1);
}

static const struct waiter {
	const char *name;
	long nr, expected;
	long (*wait)(void);
	void (*wake)(pid_t pid);
	bool eintr_when_stopped; /* the kernel ends it with EINTR; hidden where it can be proven */
} waiters[] = {
	{ "read", SYS_read, 1, wait_read, wake_by_pipe, false },
#ifdef SYS_poll
	{ "poll", SYS_poll, 1, wait_poll, wake_by_pipe, false },
#else
	{ "poll", SYS_ppoll, 1, wait_poll, wake_by_pipe, false },
#endif
	{ "ppoll", SYS_ppoll, 1, wait_ppoll, wake_by_pipe, false },
	{ "futex", SYS_futex, 0, wait_futex, wake_futex, false },
	{ "accept", SYS_accept4, 1, wait_accept, wake_accept, false },
	{ "recv with a timeout", SYS_recvfrom, 1, wait_receive, wake_receive, true },
#ifdef SYS_epoll_wait
	{ "epoll_wait", SYS_epoll_wait, 1, wait_epoll, wake_by_pipe, true },
	{ "epoll_wait with a timeout", SYS_epoll_wait, 1, wait_epoll_timeout, wake_by_pipe, true },
#else
	{ "epoll_wait", SYS_epoll_pwait, 1, wait_epoll, wake_by_pipe, true },
	{ "epoll_wait with a timeout", SYS_epoll_pwait, 1, wait_epoll_timeout, wake_by_pipe, true },
#endif
	{ "epoll_pwait", SYS_epoll_pwait, 1, wait_epoll_pwait, wake_by_pipe, true },
	{ "semtimedop", SYS_semtimedop, 0, wait_semop, wake_semop, true },
	{ "sigwaitinfo", SYS_rt_sigtimedwait, 1, wait_sigwait, wake_sigwait, true },
	{ "io_uring_enter", SYS_io_uring_enter, 0, wait_io_uring, NULL, true },
};

static void wait_once(struct target_side *side)
{
	const struct waiter *waiter = side->argument;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	side_say(side, 1);
	side_say(side, (uint64_t)waiter->wait());
	side_hear(side);
}

/* The line of /proc/PID/syscall: number, arguments, stack and instruction pointer. */
static void read_syscall(pid_t pid, char line[256])
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, 256, file))
		tap_bail_out("%s: %m", path);
	fclose(file);
}

/* The number of poll() becomes that of restart_syscall(), as after a stop signal. */
static void inject_while_waiting(struct target *target, const struct waiter *waiter)
{
	char before[256], after[256];

	target_wait_in_syscall(target->pid, waiter->nr);
	read_syscall(target->pid, before);
	target_inject(target, 1, waiter->name);
	for (int i = 0; i < INJECTIONS; i++) {
		target_inject_only(target->pid, 1);
		target_wait_in_syscall(target->pid, waiter->nr);
	}
	read_syscall(target->pid, after);
	if (!tap_ok(!strcmp(strchr(before, ' '), strchr(after, ' ')),
		    "%s: in the same call after %d injections", waiter->name, INJECTIONS + 1))
		tap_note("%s# %s", before, after);
}

static void check_waiter(const struct waiter *waiter)
{
	struct target target;
	uint64_t result = 0;
	bool heard;

	if (waiter->eintr_when_stopped && arch_native() != &arch_x86_64) {
		tap_skip(waiter->name, "its EINTR cannot be told from a rightful one here");
		return;
	}
	if (waiter->wait == wait_io_uring && shared.io_uring < 0) {
		tap_skip(waiter->name, "no io_uring");
		return;
	}
	target_start(&target, wait_once, waiter);
	if (!target_hear(&target, WAKE_LIMIT_MS, &result))
		tap_bail_out("no target");
	inject_while_waiting(&target, waiter);
	if (waiter->wake) {
		char byte;

		waiter->wake(target.pid);
		heard = target_hear(&target, WAKE_LIMIT_MS, &result);
		tap_ok(heard && (long)result == waiter->expected,
		       "%s: returns %ld when woken (%ld)", waiter->name, waiter->expected,
		       (long)result);
		if (waiter->wait != wait_read && waiter->wake == wake_by_pipe &&
		    read(shared.pipe[0], &byte, 1) != 1)
			tap_bail_out("read: %m");
	}
	target_end(&target);
}

static void set_up(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct io_uring_params parameters = { 0 };
	const struct timeval minute = { .tv_sec = 60 };

	if (pipe2(shared.pipe, O_CLOEXEC))
		tap_bail_out("pipe: %m");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, shared.pair) ||
	    setsockopt(shared.pair[0], SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute)))
		tap_bail_out("socketpair: %m");
	shared.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(shared.epoll, EPOLL_CTL_ADD, shared.pipe[0], &event))
		tap_bail_out("epoll_ctl: %m");
	shared.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Without a path the kernel picks an abstract name. */
	if (bind(shared.listener, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    listen(shared.listener, 1))
		tap_bail_out("listen: %m");
	shared.semaphore = semget(IPC_PRIVATE, 1, 0600);
	shared.word = mmap(NULL, sizeof(*shared.word), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared.semaphore < 0 || shared.word == MAP_FAILED)
		tap_bail_out("shared objects: %m");
	shared.io_uring = (int)syscall(SYS_io_uring_setup, 1, &parameters);
}

int main(void)
{
	test_limit_seconds(20);
	set_up();
	for (size_t i = 0; i < sizeof(waiters) / sizeof(waiters[0]); i++)
		check_waiter(&waiters[i]);
	semctl(shared.semaphore, 0, IPC_RMID);
	return tap_finish();
}
