// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that cannot be injected into: the right answer, soon, and the task is none the worse. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace-inject/inject.h"
#include "test/inject/harness/harness.h"

#define ANSWER_MS    3000
#define SOON_US      1000000
#define RECOVERED_US ((INJECT_DEADLINE_MS + 1000) * 1000)

static void check_refusal(pid_t pid, int expected, int64_t limit_us, const char *what)
{
	char before[SNAPSHOT_BYTES], after[SNAPSHOT_BYTES], text[128];
	int64_t start_us, took_us;
	int fd = -7, error;

	target_snapshot(pid, before);
	start_us = test_now_us();
	error = inject_userfaultfd(pid, TEST_USERFAULTFD_FLAGS, &fd);
	took_us = test_now_us() - start_us;
	target_snapshot(pid, after);
	inject_describe(pid, error, text, sizeof(text));
	tap_ok(error == expected && fd == -7 && !strcmp(before, after),
	       "%s: answer %d, descriptor output and task untouched: %s", what, error, text);
	tap_ok(took_us < limit_us * test_slowness(), "%s: after %jd us", what, (intmax_t)took_us);
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

/* Stays well after the refusal, and is injected into once the reason has gone. */
static void check_unharmed(struct target *target, const char *what)
{
	tap_ok(answers(target), "%s: the task works", what);
	target_inject(target, 5, what);
	tap_ok(answers(target), "%s: and still does", what);
}

static void trace_other(struct target_side *side)
{
	pid_t pid = *(const pid_t *)side->argument;

	side_say(side, ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0);
	side_hear(side);
	side_say(side, 1);
}

static void check_traced(void)
{
	struct target target, tracer;
	char text[128], tracer_pid[32];
	uint64_t message = 0;

	start(&target, echo);
	target_start(&tracer, trace_other, &target.pid);
	if (!target_hear(&tracer, ANSWER_MS, &message) || !message)
		tap_bail_out("the other tracer cannot trace");
	check_refusal(target.pid, -EBUSY, SOON_US, "traced");
	inject_describe(target.pid, -EBUSY, text, sizeof(text));
	snprintf(tracer_pid, sizeof(tracer_pid), "(pid %d)", tracer.pid);
	tap_ok(strstr(text, tracer_pid) != NULL, "traced: the tracer is named: %s", text);
	target_say(&tracer, 1);
	target_wait(&tracer);
	check_unharmed(&target, "no longer traced");
	target_end(&target);
}

static void return_at_once(struct target_side *side)
{
	(void)side;
}

static void check_dead(void)
{
	struct target target;

	target_start(&target, return_at_once, NULL);
	target_wait_state(target.pid, 'Z');
	check_refusal(target.pid, -ESRCH, SOON_US, "zombie");
	tap_ok(target_wait(&target) == 0, "zombie: its parent gets its status");
	check_refusal(target.pid, -ESRCH, SOON_US, "nobody");
}

static void check_kernel_thread(void)
{
	char text[64] = "";
	FILE *file = fopen("/proc/2/comm", "re");

	if (!file || !fgets(text, sizeof(text), file) || strcmp(text, "kthreadd\n"))
		tap_skip("kernel thread", "none to be seen here");
	else
		check_refusal(2, -EPERM, SOON_US, "kernel thread");
	if (file)
		fclose(file);
}

static void use_up_descriptors(struct target_side *side)
{
	const struct rlimit limit = { .rlim_cur = 40, .rlim_max = 40 };

	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(side->in) >= 0)
		;
	echo(side);
}

static void check_descriptors_used_up(void)
{
	struct target target;

	start(&target, use_up_descriptors);
	check_refusal(target.pid, -EMFILE, SOON_US, "no free descriptor");
	tap_ok(answers(&target), "no free descriptor: the task works");
	target_end(&target);
}

static void check_own_descriptors_used_up(void)
{
	struct rlimit before, limit = { 0 };
	struct target target;
	int fd = -7, error, lowest;

	start(&target, echo);
	getrlimit(RLIMIT_NOFILE, &before);
	lowest = dup(0);
	close(lowest);
	/* One after the other of the descriptors needed here cannot be had. */
	for (int spare = 0; spare < 8; spare++) {
		limit.rlim_cur = (rlim_t)(lowest + spare);
		limit.rlim_max = before.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		error = inject_userfaultfd(target.pid, TEST_USERFAULTFD_FLAGS, &fd);
		setrlimit(RLIMIT_NOFILE, &before);
		if (!error)
			break;
		tap_ok(error == -ENFILE, "no descriptor on our side, %d spare: %d", spare, error);
	}
	if (!error)
		close(fd);
	check_unharmed(&target, "no descriptor on our side");
	target_end(&target);
}

static int filter_userfaultfd(unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* So many that the Seccomp line of /proc/PID/status comes many KiB behind the beginning. */
static int join_many_groups(void)
{
	gid_t groups[4000];

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		groups[i] = 1000000 + i;
	return setgroups(sizeof(groups) / sizeof(groups[0]), groups);
}

static void echo_filtered(struct target_side *side)
{
	if (join_many_groups() || filter_userfaultfd(SECCOMP_RET_KILL_PROCESS))
		_exit(1);
	side_say(side, 1);
	side_say(side, side_hear(side) + 1);
	side_hear(side);
	syscall(SYS_userfaultfd, TEST_USERFAULTFD_FLAGS);
}

static void drop_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
	data[CAP_TO_INDEX(capability)].permitted &= ~CAP_TO_MASK(capability);
	syscall(SYS_capset, &header, data);
}

static void inject_without_privilege(struct target_side *side)
{
	int fd;

	drop_capability(CAP_SYS_ADMIN);
	side_say(side, (uint64_t)(int64_t)inject_userfaultfd(*(const pid_t *)side->argument,
							     TEST_USERFAULTFD_FLAGS, &fd));
}

static void check_seccomp(void)
{
	struct target target, injector;
	uint64_t answer = 0;
	int status;

	start(&target, echo_filtered);
	target_start(&injector, inject_without_privilege, &target.pid);
	target_hear(&injector, ANSWER_MS, &answer);
	target_wait(&injector);
	tap_ok((int)answer == -EACCES, "seccomp, without CAP_SYS_ADMIN: %s",
	       inject_strerror((int)answer));
	target_inject(&target, 50, "seccomp");
	tap_ok(answers(&target), "seccomp: the task works");
	target_say(&target, 1);
	status = target_wait(&target);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	       "seccomp: its filter works afterwards (%#x)", status);
}

#ifdef __x86_64__
/* pause() for ever, in 32-bit code: mov $29, %eax; int $0x80; jmp back */
static const uint8_t code32[] = { 0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7 };

static void run_32bit(struct target_side *side)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		uint8_t code[sizeof(code32)];
	} image = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
					 ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = EM_386,
			    .e_version = EV_CURRENT,
			    .e_entry = 0x8048000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			    .e_phoff = sizeof(Elf32_Ehdr),
			    .e_ehsize = sizeof(Elf32_Ehdr),
			    .e_phentsize = sizeof(Elf32_Phdr),
			    .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			     .p_vaddr = 0x8048000,
			     .p_filesz = sizeof(image),
			     .p_memsz = sizeof(image),
			     .p_flags = PF_R | PF_X,
			     .p_align = 4096 },
	};
	char *arguments[] = { "32bit", NULL };
	int fd = memfd_create("32bit", MFD_CLOEXEC);

	memcpy(image.code, code32, sizeof(code32));
	if (write(fd, &image, sizeof(image)) == (ssize_t)sizeof(image))
		fexecve(fd, arguments, arguments + 1);
	side_say(side, 1);
}

static void check_32bit(void)
{
	struct target target;
	uint64_t message;

	target_start(&target, run_32bit, NULL);
	/* A successful exec closes the pipe; a message is a failed one. */
	if (target_hear(&target, ANSWER_MS, &message)) {
		tap_skip("32-bit task", "the kernel runs no 32-bit programs");
	} else {
		target_wait_in_syscall(target.pid, 29);
		check_refusal(target.pid, -ENOEXEC, SOON_US, "32-bit task");
		target_wait_in_syscall(target.pid, 29);
	}
	target_end(&target);
}
#else
static void check_32bit(void)
{
	tap_skip("32-bit task", "written for x86_64 only");
}
#endif

static void wait_in_vfork(struct target_side *side)
{
	pid_t child = vfork();

	if (!child) {
		side_say(side, (uint64_t)getpid());
		for (;;)
			pause();
	}
	waitpid(child, NULL, 0);
	echo(side);
}

static void check_vfork(void)
{
	struct target target;
	uint64_t child, message;

	target_start(&target, wait_in_vfork, NULL);
	if (!target_hear(&target, ANSWER_MS, &child))
		tap_bail_out("no target");
	check_refusal(target.pid, -ETIMEDOUT, RECOVERED_US, "waiting in vfork()");
	kill((pid_t)child, SIGKILL);
	target_hear(&target, ANSWER_MS, &message);
	check_unharmed(&target, "waiting in vfork()");
	target_end(&target);
}

int main(void)
{
	test_limit_seconds(20);
	check_traced();
	check_dead();
	check_kernel_thread();
	check_descriptors_used_up();
	check_own_descriptors_used_up();
	check_seccomp();
	check_32bit();
	check_vfork();
	return tap_finish();
}
