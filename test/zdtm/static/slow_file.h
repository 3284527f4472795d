/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file whose direct reads stay in flight until the test lets them go, one after the other: a
 * FUSE file system of one file, answered by a process outside of the tree that is dumped, and
 * mounted in that process' namespace, which goes with it. All its bytes come from page_make()
 * with the numbers of generation 2 by page of the file. The reader must ask for SLOW_PAGES pages
 * at offset 0, SHAPES times, and close the file before it is dumped.
 */
#ifndef ZDTM_SLOW_FILE_H
#define ZDTM_SLOW_FILE_H

#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "memory.h"

#include "lock.h" /* needs the one above, in CRIU's tree */

#define SLOW_PAGES   16
#define SLOW_REQUEST (1 << 18)
#define SLOW_NAME    "slow_file.mount"

/* Shared with the server. */
struct slow_file {
	futex_t state; /* SLOW_...; the server's answers so far are in answered */
	futex_t received, allowed, answered;
	pid_t server;
};

enum { SLOW_STARTING, SLOW_READY, SLOW_REFUSED };

static inline void slow_answer(int fuse, uint64_t unique, const void *data, size_t bytes)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + bytes),
					  .unique = unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)data, bytes } };

	if (writev(fuse, parts, 2) != (ssize_t)header.len)
		pr_perror("answering FUSE");
}

static inline void slow_answer_init(int fuse, const struct fuse_in_header *request)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = 31,
				      .flags = FUSE_ASYNC_READ | FUSE_ASYNC_DIO,
				      .max_readahead = 0,
				      .max_background = 8,
				      .congestion_threshold = 8,
				      .max_write = 65536 };

	slow_answer(fuse, request->unique, &init, sizeof(init));
}

static inline void slow_answer_attributes(int fuse, const struct fuse_in_header *request)
{
	struct fuse_attr_out out = { .attr_valid = 3600 };

	out.attr = (struct fuse_attr){ .ino = 1,
				       .size = SLOW_PAGES * page_size(),
				       .mode = 0100444,
				       .nlink = 1,
				       .blksize = (uint32_t)page_size() };
	slow_answer(fuse, request->unique, &out, sizeof(out));
}

/* False when all reads have been answered. */
static inline bool slow_serve(struct slow_file *file, int fuse, const void *packet,
			      uint64_t waiting[SHAPES])
{
	const struct fuse_in_header *request = packet;
	struct fuse_open_out opened = { .open_flags = FOPEN_DIRECT_IO };
	struct fuse_out_header refused = { sizeof(refused), -ENOSYS, request->unique };

	switch (request->opcode) {
	case FUSE_INIT:
		slow_answer_init(fuse, request);
		break;
	case FUSE_GETATTR:
		slow_answer_attributes(fuse, request);
		break;
	case FUSE_OPEN:
		slow_answer(fuse, request->unique, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		waiting[futex_get(&file->received)] = request->unique;
		futex_inc_and_wake(&file->received);
		return futex_get(&file->received) < SHAPES;
	default:
		if (write(fuse, &refused, sizeof(refused)) < 0)
			test_msg("FUSE request %u: %s\n", request->opcode, strerror(errno));
	}
	return true;
}

static inline void slow_answer_reads(struct slow_file *file, int fuse,
				     const uint64_t waiting[SHAPES])
{
	uint8_t *data = malloc(SLOW_PAGES * page_size());

	for (size_t page = 0; page < SLOW_PAGES; page++)
		page_make(data + page * page_size(), page_number(2, page));
	for (uint32_t i = 0; i < SHAPES; i++) {
		futex_wait_while_lt(&file->allowed, i + 1);
		slow_answer(fuse, waiting[i], data, SLOW_PAGES * page_size());
		futex_inc_and_wake(&file->answered);
	}
}

static inline void slow_server(struct slow_file *file)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	uint64_t waiting[SHAPES] = { 0 };
	void *packet = malloc(SLOW_REQUEST);
	char options[64];

	ssprintf(options, "fd=%d,rootmode=100444,user_id=0,group_id=0,allow_other", fuse);
	if (fuse < 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("slow", SLOW_NAME, "fuse.slow", MS_NOSUID | MS_NODEV, options)) {
		pr_perror("FUSE");
		futex_set_and_wake(&file->state, SLOW_REFUSED);
		_exit(1);
	}
	file->server = getpid();
	futex_set_and_wake(&file->state, SLOW_READY);
	while (read(fuse, packet, SLOW_REQUEST) > 0 && slow_serve(file, fuse, packet, waiting))
		;
	slow_answer_reads(file, fuse, waiting);
	_exit(0);
}

/* Starts the server and opens its file for direct reads; or the test is skipped. */
static inline int slow_file_open(struct slow_file **ret_file)
{
	struct slow_file *file = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[4096], directory[2048];
	struct stat status;
	pid_t middle;
	int fd;

	close(open(SLOW_NAME, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	middle = fork();
	if (middle == 0) {
		if (fork() == 0) {
			setsid();
			slow_server(file);
		}
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	futex_wait_while(&file->state, SLOW_STARTING);
	ssprintf(path, "/proc/%d/root%s/%s", file->server,
		 getcwd(directory, sizeof(directory)) ? directory : "", SLOW_NAME);
	fd = futex_get(&file->state) == SLOW_READY ? open(path, O_RDONLY | O_CLOEXEC | O_DIRECT) :
						     -1;
	/* fstat(): an aio read beyond the size that the kernel knows of ends at once. */
	if (fd < 0 || fstat(fd, &status)) {
		skip("no FUSE file: %s", strerror(errno));
		exit(1);
	}
	*ret_file = file;
	return fd;
}

/* The reads were sent and the pages are pinned. */
static inline void slow_file_wait(struct slow_file *file)
{
	futex_wait_while_lt(&file->received, SHAPES);
}

/* Lets the next read go, and returns when its data is in the kernel's hands. */
static inline void slow_file_release(struct slow_file *file)
{
	futex_inc_and_wake(&file->allowed);
	futex_wait_while_lt(&file->answered, futex_get(&file->allowed));
}

#endif
