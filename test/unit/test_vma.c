// SPDX-License-Identifier: GPL-2.0-only
/* The parser of maps and smaps on texts as kernels print them, cut and bent; then on ourselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "track/vma.h"
#include "util/cleanup.h"

static const char maps[] =
	"55d0c0a00000-55d0c0a02000 r-xp 00001000 fe:01 131589                     /usr/bin/cat\n"
	"55d0c0c00000-55d0c0c01000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000001000 rw-s 00002000 08:1f 18446744073709551615       /tmp/a b  c (deleted)\n"
	"7f0000001000-7f0000003000 ---p 00000000 00:00 0 \n"
	"7ffd12300000-7ffd12302000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static const char smaps[] = "00400000-00401000 rw-p 00000000 00:00 0 \n"
			    "Size:                  4 kB\n"
			    "Rss:                   4 kB\n"
			    "THPeligible:           0\n"
			    "VmFlags: rd wr mr mw me ac uw sd \n"
			    "00401000-00402000 rw-p 00000000 00:00 0 \n"
			    "Size:                  4 kB\n"
			    "VmFlags: rd wr io ht pf ss dp um ui\n"
			    "00402000-00403000 rw-p 00000000 00:00 0 \n"
			    "VmFlags: rd wr mr uwx u w dpdp\n";

static int parse(const char *text, size_t len, struct track_vmas *ret_vmas)
{
	auto_fclose FILE *stream = fmemopen((void *)text, len, "r");

	assert_non_null(stream);
	return track_vmas_parse(stream, ret_vmas);
}

static int parse_text(const char *text, struct track_vmas *ret_vmas)
{
	return parse(text, strlen(text), ret_vmas);
}

static void test_maps(void **state)
{
	auto_track_vmas struct track_vmas vmas = { 0 };

	(void)state;
	assert_int_equal(parse_text(maps, &vmas), 0);
	assert_int_equal(vmas.nr, 6);
	assert_int_equal(vmas.v[0].start, 0x55d0c0a00000);
	assert_int_equal(vmas.v[0].end, 0x55d0c0a02000);
	assert_int_equal(vmas.v[0].pgoff, 0x1000);
	assert_int_equal(vmas.v[0].ino, 131589);
	assert_int_equal(vmas.v[0].dev_major, 0xfe);
	assert_int_equal(vmas.v[0].dev_minor, 1);
	assert_string_equal(vmas.v[0].perms, "r-xp");
	assert_string_equal(vmas.v[0].name, "/usr/bin/cat");
	assert_string_equal(vmas.v[1].name, "[heap]");
	assert_int_equal(vmas.v[2].ino, UINT64_MAX);
	assert_string_equal(vmas.v[2].name, "/tmp/a b  c (deleted)");
	assert_string_equal(vmas.v[3].name, "");
	assert_int_equal(vmas.v[5].start, 0xffffffffff600000);
	for (size_t i = 0; i < vmas.nr; i++) {
		assert_int_equal(vmas.v[i].flags, 0);
		assert_int_equal(track_vma_is_file(&vmas.v[i]), i == 0 || i == 2);
		assert_int_equal(track_vma_is_private(&vmas.v[i]), i != 2);
	}
}

static void test_flags(void **state)
{
	auto_track_vmas struct track_vmas vmas = { 0 };

	(void)state;
	assert_int_equal(parse_text(smaps, &vmas), 0);
	assert_int_equal(vmas.nr, 3);
	assert_int_equal(vmas.v[0].flags, TRACK_VMA_UFFD_WP);
	assert_int_equal(vmas.v[1].flags, TRACK_VMA_UFFD_OTHER | TRACK_VMA_HUGETLB | TRACK_VMA_IO |
						  TRACK_VMA_SHADOW_STACK | TRACK_VMA_DROPPABLE);
	assert_int_equal(vmas.v[2].flags, 0);
}

/* Each flag alone, so that none stands in for another. */
static uint32_t flags_of(const char *flag)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	char text[128];

	snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0\nVmFlags: rd %s wr\n", flag);
	assert_int_equal(parse_text(text, &vmas), 0);
	assert_int_equal(vmas.nr, 1);
	return vmas.v[0].flags;
}

static void test_each_flag(void **state)
{
	(void)state;
	assert_int_equal(flags_of("uw"), TRACK_VMA_UFFD_WP);
	assert_int_equal(flags_of("um"), TRACK_VMA_UFFD_OTHER);
	assert_int_equal(flags_of("ui"), TRACK_VMA_UFFD_OTHER);
	assert_int_equal(flags_of("ht"), TRACK_VMA_HUGETLB);
	assert_int_equal(flags_of("io"), TRACK_VMA_IO);
	assert_int_equal(flags_of("pf"), TRACK_VMA_IO);
	assert_int_equal(flags_of("ss"), TRACK_VMA_SHADOW_STACK);
	assert_int_equal(flags_of("dp"), TRACK_VMA_DROPPABLE);
	assert_int_equal(flags_of("sd"), 0);
}

static void assert_refusal(const struct track_vma *vma, const char *word)
{
	const char *why = track_vma_refusal(vma);

	assert_non_null(why);
	assert_non_null(strstr(why, word));
}

static struct track_vma plain_vma(void)
{
	return (struct track_vma){ .start = 0x1000, .end = 0x2000, .perms = "rw-p" };
}

static void assert_flag_refused(uint32_t flag, const char *word)
{
	struct track_vma vma = plain_vma();

	vma.flags = flag;
	assert_refusal(&vma, word);
}

static void assert_name_refused(const char *name, const char *word)
{
	struct track_vma vma = plain_vma();

	snprintf(vma.name, sizeof(vma.name), "%s", name);
	assert_refusal(&vma, word);
}

static void assert_name_tracked(const char *name)
{
	struct track_vma vma = plain_vma();

	snprintf(vma.name, sizeof(vma.name), "%s", name);
	vma.flags = TRACK_VMA_UFFD_WP;
	assert_null(track_vma_refusal(&vma));
}

static void test_refusals(void **state)
{
	struct track_vma shared = plain_vma();

	(void)state;
	shared.perms[3] = 's';
	assert_refusal(&shared, "shared");
	assert_flag_refused(TRACK_VMA_IO, "device");
	assert_flag_refused(TRACK_VMA_HUGETLB, "hugetlb");
	assert_flag_refused(TRACK_VMA_SHADOW_STACK, "shadow");
	assert_flag_refused(TRACK_VMA_DROPPABLE, "droppable");
	assert_name_refused("[vdso]", "kernel");
	assert_name_refused("[vvar]", "kernel");
	assert_name_refused("[vvar_vclock]", "kernel");
	assert_name_refused("[vsyscall]", "kernel");
	assert_name_refused("/[aio] (deleted)", "asynchronous");
}

static void test_ordinary_mappings_are_tracked(void **state)
{
	(void)state;
	assert_name_tracked("");
	assert_name_tracked("[heap]");
	assert_name_tracked("[stack]");
	assert_name_tracked("[anon:vdso]");
	assert_name_tracked("/usr/lib/libc.so.6");
}

/* Names of any length are cut; the line after is read as usual. */
static void test_overlong_lines(void **state)
{
	static char text[200000];
	auto_track_vmas struct track_vmas vmas = { 0 };
	int head = snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 fe:01 7 /");

	(void)state;
	memset(text + head, 'n', 150000);
	strcpy(text + head + 150000, "\n3000-4000 r--p 00000000 00:00 0 [heap]\n");
	assert_int_equal(parse_text(text, &vmas), 0);
	assert_int_equal(vmas.nr, 2);
	assert_int_equal(strlen(vmas.v[0].name), TRACK_VMA_NAME_MAX - 1);
	assert_memory_equal(vmas.v[0].name, "/nnnnnnn", 8);
	assert_string_equal(vmas.v[1].name, "[heap]");
}

/* Every mapping of the cut text but the last, which the cut may have changed, is as in the whole. */
static void assert_is_beginning(const struct track_vmas *cut, const struct track_vmas *whole)
{
	assert_true(cut->nr <= whole->nr);
	for (size_t i = 0; i < cut->nr; i++) {
		const struct track_vma *found = &cut->v[i], *real = &whole->v[i];

		assert_true(found->start < found->end);
		assert_int_equal(found->start, real->start);
		assert_int_equal(found->end, real->end);
		assert_string_equal(found->perms, real->perms);
		if (i + 1 == cut->nr)
			continue;
		assert_int_equal(found->ino, real->ino);
		assert_int_equal(found->flags, real->flags);
		assert_string_equal(found->name, real->name);
	}
}

static void assert_cuts(const char *text)
{
	auto_track_vmas struct track_vmas whole = { 0 };
	size_t refused = 0;

	assert_int_equal(parse_text(text, &whole), 0);
	for (size_t len = 1; len < strlen(text); len++) {
		auto_track_vmas struct track_vmas cut = { 0 };
		auto_free char *copy = malloc(len); /* its own, so that a read past it is seen */
		int ret;

		assert_non_null(copy);
		memcpy(copy, text, len);
		ret = parse(copy, len, &cut);
		if (ret) {
			assert_int_equal(ret, -EBADMSG);
			assert_null(cut.v);
			refused++;
			continue;
		}
		assert_is_beginning(&cut, &whole);
	}
	assert_true(refused > 10 * whole.nr);
}

static void test_truncation_at_every_byte(void **state)
{
	(void)state;
	assert_cuts(maps);
	assert_cuts(smaps);
}

static void test_nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"\n",
		"hello\n",
		"2000-1000 rw-p 00000000 00:00 0\n",                    /* backwards */
		"1000-1000 rw-p 00000000 00:00 0\n",                    /* empty */
		"1000-2000 rw 00000000 00:00 0\n",                      /* short perms */
		"1000-2000 rw-p 00000000 00:00\n",                      /* no inode */
		"1000-3000 rw-p 0 00:00 0\n2000-4000 rw-p 0 00:00 0\n", /* overlapping */
		"3000-4000 rw-p 0 00:00 0\n1000-2000 rw-p 0 00:00 0\n", /* wrong order */
		"1000-2000 rw-p 0 00:00 0\nVmFlags: uw\n1000-2000 rw-p 0 00:00 0\n", /* twice */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct track_vmas vmas = { .nr = 99 };

		assert_int_equal(parse_text(texts[i], &vmas), -EBADMSG);
		assert_int_equal(vmas.nr, 99); /* untouched on failure */
	}
}

static void test_keys_before_any_mapping(void **state)
{
	auto_track_vmas struct track_vmas vmas = { 0 };

	(void)state;
	assert_int_equal(parse_text("VmFlags: uw\n1000-2000 rw-p 0 00:00 0\n", &vmas), 0);
	assert_int_equal(vmas.nr, 1);
	assert_int_equal(vmas.v[0].flags, 0);
}

static void test_find(void **state)
{
	auto_track_vmas struct track_vmas vmas = { 0 };

	(void)state;
	assert_int_equal(parse_text(maps, &vmas), 0);
	assert_null(track_vmas_find(&vmas, 0));
	assert_null(track_vmas_find(&vmas, 0x55d0c09fffff));
	assert_ptr_equal(track_vmas_find(&vmas, 0x55d0c0a00000), &vmas.v[0]);
	assert_ptr_equal(track_vmas_find(&vmas, 0x55d0c0a01fff), &vmas.v[0]);
	assert_null(track_vmas_find(&vmas, 0x55d0c0a02000));
	assert_ptr_equal(track_vmas_find(&vmas, 0x7f0000000fff), &vmas.v[2]);
	assert_ptr_equal(track_vmas_find(&vmas, 0x7f0000001000), &vmas.v[3]);
	assert_null(track_vmas_find(&vmas, UINT64_MAX));
}

static void assert_finds_own_mapping(bool with_flags)
{
	size_t size = 3 * sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	auto_track_vmas struct track_vmas vmas = { 0 };
	const struct track_vma *vma;
	int variable;

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(track_vmas_read(getpid(), with_flags, &vmas), 0);
	vma = track_vmas_find(&vmas, (uintptr_t)memory + size - 1);
	assert_non_null(vma);
	assert_int_equal(vma->start, (uintptr_t)memory);
	assert_int_equal(vma->end, (uintptr_t)memory + size);
	assert_string_equal(vma->perms, "rw-s");
	vma = track_vmas_find(&vmas, (uintptr_t)&variable);
	assert_non_null(vma);
	assert_string_equal(vma->perms, "rw-p");
	munmap(memory, size);
}

static void test_reads_own_maps(void **state)
{
	(void)state;
	assert_finds_own_mapping(false);
	assert_finds_own_mapping(true);
}

static void test_zombie_is_empty_and_reaped_is_gone(void **state)
{
	struct track_vmas vmas = { .nr = 99 };
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(track_vmas_read(child, false, &vmas), 0);
	assert_int_equal(vmas.nr, 0);
	track_vmas_free(&vmas);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(track_vmas_read(child, false, &vmas), -ESRCH);
}

/* The texts are of a machine with pages of 4 KiB; with larger ones they are refused, and rightly. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_each_flag),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_ordinary_mappings_are_tracked),
		cmocka_unit_test(test_overlong_lines),
		cmocka_unit_test(test_truncation_at_every_byte),
		cmocka_unit_test(test_nonsense_is_refused),
		cmocka_unit_test(test_keys_before_any_mapping),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_reads_own_maps),
		cmocka_unit_test(test_zombie_is_empty_and_reaped_is_gone),
	};

	if (sysconf(_SC_PAGESIZE) != 4096) {
		printf("its texts are of a machine with pages of 4 KiB\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
