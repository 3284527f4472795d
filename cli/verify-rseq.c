// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verify-rseq.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/core.h"
#include "image/pagemap.h"
#include "util/cleanup.h"
#include "util/process.h"

#define RSEQ_BYTES 32

/* struct rseq: cpu_id_start and cpu_id; node_id and mm_cid (Linux 6.3, padding before). */
static const struct {
	size_t offset, len;
} volatile_fields[] = { { 0, 8 }, { 20, 8 } };

static int append(struct verify_rseq *rseq, uint64_t address)
{
	if (rseq->nr == rseq->cap) {
		size_t cap = rseq->cap ? 2 * rseq->cap : 16;
		uint64_t *v = reallocarray(rseq->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		rseq->v = v;
		rseq->cap = cap;
	}
	rseq->v[rseq->nr++] = address;
	return 0;
}

/* The kernel insists on the alignment (rseq(2), EINVAL); so a struct is within one page. */
static int add_thread(struct verify_rseq *rseq, int dir, pid_t tid, struct image_error *error)
{
	struct process_info thread;
	struct image_core core;
	int ret = process_read(tid, &thread);

	if (ret)
		return ret == -ESRCH ? 0 :
				       image_fail(error, ret, "thread %d: %s", tid, strerror(-ret));
	ret = image_core_load(dir, thread.innermost_pid, &core, error);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (!core.rseq || core.rseq % RSEQ_BYTES)
		return 0;
	ret = append(rseq, core.rseq);
	return ret ? image_fail(error, ret, "out of memory") : 0;
}

int verify_rseq_load(int dir, pid_t pid, struct verify_rseq *ret_rseq, struct image_error *error)
{
	auto_verify_rseq struct verify_rseq rseq = { 0 };
	auto_process_list struct process_list threads = { 0 };
	int ret = process_threads(pid, &threads);

	if (ret)
		return image_fail(error, ret, "/proc/%d/task: %s", pid, strerror(-ret));
	for (size_t i = 0; i < threads.nr && !ret; i++)
		ret = add_thread(&rseq, dir, threads.v[i], error);
	if (ret)
		return ret;
	*ret_rseq = rseq;
	rseq = (struct verify_rseq){ 0 };
	return 0;
}

void verify_rseq_equalize(const struct verify_rseq *rseq, uint64_t address, const uint8_t *image,
			  uint8_t *memory)
{
	for (size_t i = 0; i < rseq->nr; i++) {
		uint64_t at = rseq->v[i] - address;

		if (rseq->v[i] < address || at >= image_page_size())
			continue;
		for (size_t j = 0; j < sizeof(volatile_fields) / sizeof(volatile_fields[0]); j++)
			memcpy(memory + at + volatile_fields[j].offset,
			       image + at + volatile_fields[j].offset, volatile_fields[j].len);
	}
}

void verify_rseq_free(struct verify_rseq *rseq)
{
	free(rseq->v);
	*rseq = (struct verify_rseq){ 0 };
}
