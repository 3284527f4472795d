/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small swap device of the test's own (zram), and pages pushed out to it. Its number is in the
 * file "swap.device" of the test's directory, by which the test's hook removes it at the end. Its
 * label tells whose it is to whoever does not know that directory (test/upstream/clean).
 */
#ifndef ZDTM_SWAP_H
#define ZDTM_SWAP_H

#include <sys/swap.h>

#include "memory.h"

#define SWAP_BYTES            (16 << 20)
#define SWAP_PAGEMAP_SWAPPED  (UINT64_C(1) << 62)
#define SWAP_PAGEOUT_ATTEMPTS 20

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* A swap area's first page: sizes and label in its second KiB, the signature at its end. */
static inline int swap_format(const char *device)
{
	struct {
		uint32_t version, last_page, bad_pages;
		char uuid[16], label[16];
	} header = { 1, (uint32_t)(SWAP_BYTES / page_size()) - 1, 0, "", "lazy-wp-test" };
	int fd = open(device, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, &header, sizeof(header), 1024) == sizeof(header) &&
		    pwrite(fd, "SWAPSPACE2", 10, (off_t)page_size() - 10) == 10 && !fsync(fd);

	close(fd);
	return done ? 0 : -1;
}

static inline void swap_require(bool done, const char *what)
{
	if (done)
		return;
	skip("no swap device: %s: %s", what, strerror(errno));
	exit(1);
}

static inline void swap_make(void)
{
	char number[16] = "", path[64], size[16];

	swap_require(!read_value("/sys/class/zram-control/hot_add", number, sizeof(number)),
		     "hot_add");
	number[strcspn(number, "\n")] = 0;
	close(open("swap.device", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	swap_require(!write_value("swap.device", number), "swap.device");
	ssprintf(path, "/sys/block/zram%s/disksize", number);
	ssprintf(size, "%d", SWAP_BYTES);
	swap_require(!write_value(path, size), path);
	ssprintf(path, "/dev/zram%s", number);
	swap_require(!swap_format(path), path);
	swap_require(!swapon(path, 0), "swapon");
}

static inline bool swap_has(int pagemap, const void *page)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, 8, (off_t)((uintptr_t)page / page_size() * 8)) != 8)
		pr_perror("pagemap");
	return entry & SWAP_PAGEMAP_SWAPPED;
}

/* How many of these pages are swapped out. */
static inline size_t swap_count(const struct area *area, size_t first, size_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t count = 0;

	for (size_t page = first; page < first + pages; page++)
		count += swap_has(pagemap, area_page(area, page));
	close(pagemap);
	return count;
}

/* Pages in use by somebody at that moment are passed over, so it is asked for again. */
static inline size_t swap_out(const struct area *area, size_t first, size_t pages)
{
	size_t count = 0;

	for (int attempt = 0; attempt < SWAP_PAGEOUT_ATTEMPTS && count < pages; attempt++) {
		if (madvise(area_page(area, first), pages * page_size(), MADV_PAGEOUT))
			pr_perror("MADV_PAGEOUT");
		count = swap_count(area, first, pages);
	}
	return count;
}

#endif
