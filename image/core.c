// SPDX-License-Identifier: GPL-2.0-only
#include "image/core.h"

#include <stdio.h>

#include "criu-images.pb-c.h"
#include "image/stream.h"

/* Registers of all vector extensions, creation data and queued signals. */
#define MESSAGE_BYTES_MAX (4 * 1024 * 1024)

int image_core_load(int dir_fd, unsigned int tid, struct image_core *ret_core,
		    struct image_error *error)
{
	auto_image_reader struct image_reader reader = { 0 };
	const uint8_t *bytes;
	LwpCore *message;
	char name[32];
	size_t len;
	int ret;

	snprintf(name, sizeof(name), "core-%u.img", tid);
	ret = image_reader_open(&reader, dir_fd, name, IMAGE_MAGIC_COMMON, IMAGE_MAGIC_CORE, error);
	if (ret)
		return ret;
	ret = image_reader_next(&reader, MESSAGE_BYTES_MAX, &bytes, &len);
	if (ret < 0)
		return ret;
	message = ret ? lwp_core__unpack(NULL, len, bytes) : NULL;
	if (!message)
		return image_reader_bad(&reader, "not the core of a thread");
	*ret_core = (struct image_core){ 0 };
	if (message->thread_core && message->thread_core->rseq_entry)
		ret_core->rseq = message->thread_core->rseq_entry->rseq_abi_pointer;
	lwp_core__free_unpacked(message, NULL);
	return 0;
}
