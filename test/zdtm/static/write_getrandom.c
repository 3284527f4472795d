// SPDX-License-Identifier: GPL-2.0-only
#include <sys/random.h>

#include "fills.h"

const char *test_doc = "Bytes written into a page by getrandom(2)";
const char *test_author = "criu-lazy-wp";

static void fill(uint8_t *page)
{
	if (getrandom(page + 1000, 100, 0) != 100)
		pr_perror("getrandom");
}

int main(int argc, char **argv)
{
	return fills_main(argc, argv, fill);
}
