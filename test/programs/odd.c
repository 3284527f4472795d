// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process in a state that CRIU cannot checkpoint, with memory that checks itself:
 *	odd vfork|leader --status FILE
 * vfork: waits for a child of vfork(), until that is killed. leader: its first thread has ended.
 * Writes "ready" to FILE; after that, each SIGUSR1 makes it verify and rewrite all pages, which
 * adds a line "ok" or "BAD ...".
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "page.h"

#define PAGES 64

static struct arena arena;
static int status_fd;
static pthread_t leader;

static void say(const char *line)
{
	if (dprintf(status_fd, "%s\n", line) < 0)
		exit(2);
}

static void verify_and_rewrite(void)
{
	char text[200] = "ok";

	if (arena_verify(&arena, text, sizeof(text)))
		for (uint64_t page = 0; page < PAGES; page++)
			arena_rewrite(&arena, page, text, sizeof(text));
	say(text);
}

static void *answer(void *unused)
{
	sigset_t signals;
	int signal;

	if (leader)
		pthread_join(leader, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	say("ready");
	while (!sigwait(&signals, &signal))
		verify_and_rewrite();
	return unused;
}

static void wait_in_vfork(void)
{
	pid_t child = vfork();

	if (!child) {
		say("ready");
		for (;;)
			pause();
	}
	waitpid(child, NULL, 0);
	answer(NULL);
}

static void end_leader(void)
{
	pthread_t thread;

	leader = pthread_self();
	if (pthread_create(&thread, NULL, answer, NULL))
		exit(2);
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	sigset_t signals;

	if (argc != 4 || strcmp(argv[2], "--status"))
		return 2;
	status_fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	arena_create(&arena, PAGES, 1, -1);
	if (!strcmp(argv[1], "vfork"))
		wait_in_vfork();
	else if (!strcmp(argv[1], "leader"))
		end_leader();
	return 2;
}
