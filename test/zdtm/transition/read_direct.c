// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "../static/memory.h"

const char *test_doc = "A thread reads with O_DIRECT into one page after the other all the time";
const char *test_author = "criu-lazy-wp";

#define PAGES     64
#define SLOTS     128
#define FILE_NAME "read_direct.test"

static struct area area;

static bool is_as_expected(size_t page)
{
	const uint64_t *words = (const void *)area_page(&area, page);

	for (size_t word = 0; word < page_size() / sizeof(*words); word++)
		if (words[word] != page_word(area.expected[page], word))
			return false;
	return true;
}

/*
 * The number is noted by the same thread after the read, so both are dumped in step. Each page is
 * checked before it is read into again, or the next round would hide what a restore did to it.
 */
static void *reader(void *arg)
{
	int file = *(int *)arg;
	size_t page = 0;

	for (size_t slot = 0; test_go(); slot = (slot + 1) % SLOTS, page = (page + 7) % PAGES) {
		if (!is_as_expected(page))
			fail("page %zu is not what was read into it", page);
		if (pread(file, area_page(&area, page), page_size(), (off_t)(slot * page_size())) !=
		    (ssize_t)page_size()) {
			fail("pread");
			break;
		}
		area.expected[page] = page_number(2, slot);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int file;

	test_init(argc, argv);
	close(file_make(FILE_NAME, SLOTS, 2));
	file = open(FILE_NAME, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (file < 0) {
		skip("no O_DIRECT here: %s", strerror(errno));
		return 1;
	}
	area_map(&area, PAGES);
	area_fill(&area, 0, PAGES, 1);
	if (pthread_create(&thread, NULL, reader, &file))
		return pr_perror("pthread_create");
	test_daemon();
	test_waitsig();
	pthread_join(thread, NULL);
	if (area_check(&area, "read into"))
		return 1;
	unlink(FILE_NAME);
	pass();
	return 0;
}
