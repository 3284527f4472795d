// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of image directories. The input is a list of files: one byte says in which of the
 * directories and what, two its length, the rest its bytes. Pages files are as long as the first
 * four bytes say, and hold nothing. Every page that the chain calls present is really there.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/chain.h"
#include "image/pagemap.h"
#include "test/fuzz/support.h"

#define DIRECTORIES 4
#define FILES_MAX   16
#define PID         1

enum kind { PAGEMAP, PAGES_0, PAGES_1, PARENT };

static const char *const names[] = { "pagemap-1.img", "pages-0.img", "pages-1.img", "parent" };
static int directories[DIRECTORIES];

static void open_directories(void)
{
	for (int i = 0; i < DIRECTORIES && !directories[DIRECTORIES - 1]; i++) {
		const char name[2] = { (char)('0' + i), 0 };

		MUST(!mkdirat(fuzz_directory(), name, 0700));
		directories[i] = openat(fuzz_directory(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		MUST(directories[i] >= 0);
	}
}

static void remove_files(void)
{
	for (int i = 0; i < DIRECTORIES; i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			MUST(!unlinkat(directories[i], names[j], 0) || errno == ENOENT);
}

static void link_parent(int dir, const uint8_t *bytes, size_t len)
{
	const char target[] = { '.', '.', '/',
				len ? (char)('0' + bytes[0] % (DIRECTORIES + 1)) : '1', 0 };

	MUST(!symlinkat(target, dir, names[PARENT]));
}

static void write_file(int dir, enum kind kind, const uint8_t *bytes, size_t len)
{
	int fd = openat(dir, names[kind], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0);
	if (kind == PAGEMAP)
		MUST(write(fd, bytes, len) == (ssize_t)len);
	else
		MUST(!ftruncate(fd, (off_t)fuzz_take_number(&bytes, &len, 4)));
	close(fd);
}

static void make_files(const uint8_t *data, size_t size)
{
	for (int i = 0; i < FILES_MAX && size >= 3; i++) {
		uint64_t what = fuzz_take_number(&data, &size, 1);
		enum kind kind = (enum kind)(what / DIRECTORIES % 4);
		int dir = directories[what % DIRECTORIES];
		size_t len = fuzz_take_number(&data, &size, 2);
		const uint8_t *bytes;

		len = fuzz_take_bytes(&data, &size, len, &bytes);
		unlinkat(dir, names[kind], 0);
		if (kind == PARENT)
			link_parent(dir, bytes, len);
		else
			write_file(dir, kind, bytes, len);
	}
}

/* Reads the last page of a run: the one that a file too short would not have. */
static void check_read(const struct image_chain *chain, uint64_t address,
		       enum image_page_state state)
{
	static uint8_t page[64 * 1024];
	enum image_page_state found;

	memset(page, 0xa5, sizeof(page));
	MUST(!image_chain_read(chain, address, 1, page, &found, NULL));
	MUST(found == state);
	for (uint64_t i = 0; i < image_page_size(); i++)
		MUST(!page[i]);
	MUST(page[image_page_size()] == 0xa5);
}

/* Follows the runs of a range; their number is bounded by the entries there can be. */
static void check_range(const struct image_chain *chain, struct range range)
{
	uint64_t page_size = image_page_size(), at = range.start;

	MUST(range.start < range.end && range.start % page_size == 0 && range.end % page_size == 0);
	while (at < range.end) {
		uint64_t left = (range.end - at) / page_size;
		struct image_chain_run run = image_chain_find(chain, at, left);

		MUST(run.nr_pages && run.nr_pages <= left);
		MUST(run.state != IMAGE_PAGE_ABSENT);
		MUST(run.level <= image_chain_nr_levels(chain));
		if (run.state == IMAGE_PAGE_PRESENT)
			MUST(run.level < image_chain_nr_levels(chain) &&
			     run.offset % page_size == 0);
		check_read(chain, at, run.state);
		at += run.nr_pages * page_size;
		check_read(chain, at - page_size, run.state);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_error error = { "" };
	struct image_chain *chain = NULL;
	int ret, open_before;

	open_directories();
	make_files(data, size);
	open_before = fuzz_open_descriptors();
	ret = image_chain_open(directories[0], PID, &chain, &error);
	if (ret) {
		MUST(ret == -EBADMSG || ret == -ELOOP || ret == -ENOENT);
		MUST(!chain && error.text[0]);
	} else {
		const struct range_set *cover = image_chain_cover(chain);

		MUST(image_chain_nr_levels(chain) >= 1);
		MUST(image_chain_nr_levels(chain) <= DIRECTORIES);
		for (size_t i = 0; i < cover->nr; i++)
			check_range(chain, cover->v[i]);
		image_chain_close(chain);
	}
	MUST(open_before == fuzz_open_descriptors());
	remove_files();
	return 0;
}
