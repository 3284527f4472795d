/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface that a zdtm test is written against: the same names and meanings as the header of
 * this name in CRIU's tree, so that a test compiles unchanged here and there.
 *
 * A test sets up its state between test_init(), which continues in a child of its own session,
 * and test_daemon(), which lets the parent write the pid file and exit. It is then dumped and
 * restored, gets SIGTERM (test_waitsig() returns, test_go() is false), verifies, says pass() or
 * fail(), and returns from main(); its messages are in OUTFILE.inprogress, in the end OUTFILE.
 * With the flag pre-dump-notify in its .desc it is told of each pre-dump: test_wait_pre_dump()
 * returns 0, the test changes its memory and answers with test_wait_pre_dump_ack().
 */
#ifndef ZDTM_TEST_H
#define ZDTM_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define INPROGRESS           ".inprogress"
#define TEST_MSG_BUFFER_SIZE 2048

#ifndef PAGE_SIZE
#define PAGE_SIZE (unsigned int)(sysconf(_SC_PAGESIZE))
#endif
#ifndef PR_SET_CHILD_SUBREAPER
#define PR_SET_CHILD_SUBREAPER 36
#endif
#ifndef CLONE_NEWUTS
#define CLONE_NEWUTS 0x04000000
#endif
#ifndef CLONE_NEWIPC
#define CLONE_NEWIPC 0x08000000
#endif

/* Every test defines these two. */
extern const char *test_doc;
extern const char *test_author;

/* Steps of a test. Setting up exits on failure, with a message. */
void test_init(int argc, char **argv);
void test_ext_init(int argc, char **argv);
void test_daemon(void);
int test_go(void);
void test_waitsig(void);
int test_wait_pre_dump(void);     /* 0: a pre-dump has ended; -1: SIGTERM came */
int test_wait_pre_dump_ack(void); /* 0, or -1 with a message */
int test_fork_id(int id);
#define test_fork() test_fork_id(-1)
int write_pidfile(int pid);

/* Messages. errno is left as it was. */
int test_log_init(const char *outfile, const char *suffix);
void test_msg(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern int zdtm_seccomp; /* set by a test whose filter allows few calls: plain messages only */

#define zdtm_report(kind, format, arg...)                                     \
	({                                                                    \
		test_msg(kind ": %s:%d: " format, __FILE__, __LINE__, ##arg); \
		1;                                                            \
	})
#define zdtm_report_errno(kind, format, arg...) \
	zdtm_report(kind, format " (errno = %d (%s))\n", ##arg, errno, strerror(errno))
#define pr_err(format, arg...)    zdtm_report("ERR", format, ##arg)
#define pr_perror(format, arg...) zdtm_report_errno("ERR", format, ##arg)
#define fail(format, arg...)      zdtm_report_errno("FAIL", format, ##arg)
#define skip(format, arg...)      ((void)zdtm_report("SKIP", format "\n", ##arg))
#define pass()                    test_msg("PASS\n")

/*
 * Data with a check sum. datagen() keeps the last four bytes for it, the "2" does not; *crc goes
 * on from buffer to buffer, crc may be NULL. datachk(): 1 and a message when the data is wrong.
 */
void datagen(uint8_t *buffer, unsigned length, uint32_t *crc);
void datagen2(uint8_t *buffer, unsigned length, uint32_t *crc);
int datachk(const uint8_t *buffer, unsigned length, uint32_t *crc);
int datasum(const uint8_t *buffer, unsigned length, uint32_t *crc);

int set_nonblock(int fd, int on);
int pipe_in2out(int infd, int outfd, uint8_t *buffer, int length);
int read_data(int fd, unsigned char *buf, int len);
int write_data(int fd, const unsigned char *buf, int len);
int write_value(const char *path, const char *value);
int read_value(const char *path, char *value, int size);
dev_t get_mapping_dev(void *addr);

/* Sockets, or -1 with a message. A server takes a free port and says which. */
struct sockaddr_un;
struct zdtm_tcp_opts {
	bool reuseaddr;
	bool reuseport;
	int flags; /* of socket(2) */
};

int tcp_init_server(int family, int *port);
int tcp_init_server_with_opts(int family, int *port, struct zdtm_tcp_opts *opts);
int tcp_accept_server(int sock);
int tcp_init_client(int family, char *servIP, unsigned short servPort);
int tcp_init_client_with_fd(int sock, int family, char *servIP, unsigned short servPort);
int unix_fill_sock_name(struct sockaddr_un *name, char *relFilename);

/* Options: TEST_OPTION(name, type, "text", required) for a variable "name", used as --name=VALUE. */
struct long_opt {
	const char *name, *type, *doc;
	int is_required;
	int (*parse_opt)(char *arg, void *value);
	void *value;
	struct long_opt *next;
};

void __push_opt(struct long_opt *opt);
void parseargs(int argc, char **argv);
int parse_opt_bool(char *param, void *arg);
int parse_opt_int(char *param, void *arg);
int parse_opt_uint(char *param, void *arg);
int parse_opt_long(char *param, void *arg);
int parse_opt_ulong(char *param, void *arg);
int parse_opt_string(char *param, void *arg);

#define zdtm_option_type_bool   int
#define zdtm_option_type_int    int
#define zdtm_option_type_uint   unsigned int
#define zdtm_option_type_long   long
#define zdtm_option_type_ulong  unsigned long
#define zdtm_option_type_string char *

#define TEST_OPTION(option, kind, text, required)                                           \
	static void __attribute__((constructor)) zdtm_push_##option(void)                   \
	{                                                                                   \
		static zdtm_option_type_##kind *const checked_type = &option;               \
		static struct long_opt entry = { #option,          #kind,   text, required, \
						 parse_opt_##kind, &option, NULL };         \
		(void)checked_type;                                                         \
		__push_opt(&entry);                                                         \
	}

/* Tasks that wait for each other's steps. */
typedef struct {
	unsigned long seed;
	int pipes[2];
} task_waiter_t;

void task_waiter_init(task_waiter_t *t);
void task_waiter_fini(task_waiter_t *t);
void task_waiter_wait4(task_waiter_t *t, unsigned int lockid);
void task_waiter_complete(task_waiter_t *t, unsigned int lockid);
void task_waiter_complete_current(task_waiter_t *t);

pid_t sys_clone_unified(unsigned long flags, void *child_stack, void *parent_tid, void *child_tid,
			unsigned long newtls);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define __stringify_1(x)  #x
#define __stringify(x)    __stringify_1(x)
#define __stack_aligned__ __attribute__((aligned(16)))

#define ssprintf(buffer, format, arg...)                                        \
	({                                                                      \
		int zdtm_len = snprintf(buffer, sizeof(buffer), format, ##arg); \
		if (zdtm_len < 0 || (size_t)zdtm_len >= sizeof(buffer))         \
			abort();                                                \
		zdtm_len;                                                       \
	})

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define cleanup_close __attribute__((cleanup(cleanup_closep)))
#define cleanup_free  __attribute__((cleanup(cleanup_freep)))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(void *p)
{
	if (*(int *)p >= 0)
		close(*(int *)p);
}

#endif
