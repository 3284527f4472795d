// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/chain.h"
#include "util/cleanup.h"

/* 1: the next directory is in *dir, 0: there is none. */
static int follow(int *dir, const char *link, int number, struct image_error *error)
{
	struct stat st;
	int next;

	if (fstatat(*dir, link, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return 0;
	next = openat(*dir, link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (next < 0)
		return image_fail(error, -errno,
				  "parent directory %d of the chain cannot be opened: %s", number,
				  strerror(errno));
	util_close_cleanup(dir);
	*dir = next;
	return 1;
}

int image_chain_check_parents(int images, const char *parent, struct image_error *error)
{
	auto_close int dir = fcntl(images, F_DUPFD_CLOEXEC, 0);
	struct stat own, st;
	int ret;

	if (dir < 0 || fstat(images, &own))
		return image_fail(error, -errno, "the images directory: %s", strerror(errno));
	for (int number = 1; parent && number <= IMAGE_CHAIN_LEVELS_MAX; number++) {
		ret = follow(&dir, parent, number, error);
		if (ret <= 0)
			return ret;
		if (fstat(dir, &st))
			return image_fail(error, -errno, "parent directory %d of the chain: %s",
					  number, strerror(errno));
		if (st.st_dev == own.st_dev && st.st_ino == own.st_ino)
			return image_fail(
				error, -ELOOP,
				"parent directory %d of the chain is the images directory: "
				"its pages would be written over",
				number);
		parent = "parent";
	}
	return parent ? image_fail(error, -ELOOP,
				   "the parent links lead back, or more than %d directories",
				   IMAGE_CHAIN_LEVELS_MAX) :
			0;
}
