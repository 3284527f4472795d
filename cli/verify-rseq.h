/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes that the kernel itself rewrites whenever a thread returns to user mode on another CPU:
 * the CPU, node and concurrency numbers in its struct rseq (man 2 rseq). CRIU lets the threads
 * run a little after it has dumped their memory, and after a restore the kernel writes them
 * anew, so they prove nothing. Where they are is known from core-TID.img, that is, for dumps only.
 */
#ifndef LAZY_WP_CLI_VERIFY_RSEQ_H
#define LAZY_WP_CLI_VERIFY_RSEQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/error.h"

struct verify_rseq {
	uint64_t *v; /* addresses of the structs of a task's threads */
	size_t nr, cap;
};

/* Looks up all threads of pid in the images in dir. -ESRCH, -EBADMSG, -ENOMEM and others. */
int verify_rseq_load(int dir, pid_t pid, struct verify_rseq *ret_rseq, struct image_error *error);

/* Makes those bytes that lie in the page at address equal: copies them from image to memory. */
void verify_rseq_equalize(const struct verify_rseq *rseq, uint64_t address, const uint8_t *image,
			  uint8_t *memory);

void verify_rseq_free(struct verify_rseq *rseq);
#define auto_verify_rseq __attribute__((cleanup(verify_rseq_free)))

#endif
