// SPDX-License-Identifier: GPL-2.0-only
#include "hugetlb.h"

const char *test_doc = "Anonymous shared memory of hugetlb, written and thrown away";
const char *test_author = "criu-lazy-wp";

int main(int argc, char **argv)
{
	return hugetlb_main(argc, argv, MAP_SHARED);
}
