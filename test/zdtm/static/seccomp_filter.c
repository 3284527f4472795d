// SPDX-License-Identifier: GPL-2.0-only
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "environment.h"

const char *test_doc = "A task without capabilities under a filter that forbids userfaultfd()";
const char *test_author = "criu-lazy-wp";

/* As the default profiles of container engines answer: "not permitted", not the end of the task. */
static bool forbid(void)
{
	static const unsigned int numbers[] = { SYS_userfaultfd,       SYS_ptrace, SYS_bpf,
						SYS_process_vm_writev, SYS_mount,  SYS_pidfd_getfd };
	struct sock_filter filter[ARRAY_SIZE(numbers) + 3];
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };
	size_t nr = 0;

	filter[nr++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		filter[nr++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i],
						     (unsigned char)(ARRAY_SIZE(numbers) - i), 0);
	filter[nr++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[nr++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL)
			return false;
	return !syscall(SYS_capset, &header, none);
}

static bool enter(void)
{
	return drop_capabilities() && forbid();
}

static bool is_inside(void)
{
	return syscall(SYS_userfaultfd, 0) < 0 && errno == EPERM &&
	       prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0;
}

int main(int argc, char **argv)
{
	return environment_main(argc, argv);
}
