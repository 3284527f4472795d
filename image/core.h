/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * core-TID.img: a thread, as a dump has it; a pre-dump has none. TID is the one in image names:
 * as seen from inside the dumped tree. Nothing is held; files are hostile.
 */
#ifndef LAZY_WP_IMAGE_CORE_H
#define LAZY_WP_IMAGE_CORE_H

#include <stdint.h>

#include "image/error.h"

struct image_core {
	uint64_t rseq; /* address of the thread's struct rseq (man 2 rseq); 0: none */
};

/* core-TID.img of dir_fd. -ENOENT, -EBADMSG, errors of openat(2), -ENOMEM. */
int image_core_load(int dir_fd, unsigned int tid, struct image_core *ret_core,
		    struct image_error *error);

#endif
