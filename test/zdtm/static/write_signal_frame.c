// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>

#include "fills.h"

const char *test_doc = "Pages written by the kernel when it makes a signal frame";
const char *test_author = "criu-lazy-wp";

/* So little of the frame is in the last page that no handler's own frames come up to it. */
#define INTO_LAST_PAGE 256
#define LAST_PAGE      (FILLS_PAGES - 1)

static void handler(int signo)
{
	(void)signo;
}

static void change(int shape)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = fills[shape].area.memory,
			  .ss_size = LAST_PAGE * page_size() + INTO_LAST_PAGE },
		none = { .ss_flags = SS_DISABLE };

	if (sigaction(SIGUSR1, &action, NULL) || sigaltstack(&stack, NULL) || raise(SIGUSR1) ||
	    sigaltstack(&none, NULL))
		pr_perror("signal");
	fills_changed(&fills[shape], LAST_PAGE);
	for (size_t page = 0; page < FILLS_PAGES; page++)
		fills_remember(&fills[shape], page);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	fills_setup();
	test_daemon();
	run_shapes(change);
	return fills_verdict();
}
