// SPDX-License-Identifier: GPL-2.0-only
#include "track/vma.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

/* The kernel's own limit (vm.max_map_count) can be raised; this is far above any use of it. */
#define TRACK_VMAS_MAX 16000000

/* A task that merges mappings under our eyes this often in a row is left untracked. */
#define TRACK_VMAS_ATTEMPTS 8

static int append(struct track_vmas *vmas, const struct track_vma *vma)
{
	if (vmas->nr == vmas->cap) {
		size_t cap = vmas->cap ? 2 * vmas->cap : 64;
		struct track_vma *v;

		if (cap > TRACK_VMAS_MAX)
			return -ENOMEM;
		v = reallocarray(vmas->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		vmas->v = v;
		vmas->cap = cap;
	}
	vmas->v[vmas->nr++] = *vma;
	return 0;
}

static bool is_page_aligned(uint64_t addr)
{
	return addr % (uint64_t)sysconf(_SC_PAGESIZE) == 0;
}

/* "7f00-7f01 rw-p 00000000 fe:01 1234    /name"; the name may be missing or hold spaces. */
static int parse_mapping(const char *line, struct track_vma *ret_vma)
{
	struct track_vma vma = { 0 };
	int name_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &vma.start,
		   &vma.end, vma.perms, &vma.pgoff, &vma.dev_major, &vma.dev_minor, &vma.ino,
		   &name_at) != 7 ||
	    !name_at || vma.start >= vma.end || strlen(vma.perms) != 4 ||
	    !is_page_aligned(vma.start) || !is_page_aligned(vma.end))
		return -EBADMSG;
	snprintf(vma.name, sizeof(vma.name), "%.*s", (int)strcspn(line + name_at, "\n"),
		 line + name_at);
	*ret_vma = vma;
	return 0;
}

static uint32_t parse_flags(const char *words)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} known[] = {
		{ "uw", TRACK_VMA_UFFD_WP },      { "um", TRACK_VMA_UFFD_OTHER },
		{ "ui", TRACK_VMA_UFFD_OTHER },   { "ht", TRACK_VMA_HUGETLB },
		{ "io", TRACK_VMA_IO },           { "pf", TRACK_VMA_IO },
		{ "ss", TRACK_VMA_SHADOW_STACK }, { "dp", TRACK_VMA_DROPPABLE },
	};
	uint32_t flags = 0;

	while (*(words += strspn(words, " \n"))) {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (!strncmp(words, known[i].name, 2) && strcspn(words, " \n") == 2)
				flags |= known[i].flag;
		words += strcspn(words, " \n");
	}
	return flags;
}

/* smaps puts "Key: value" lines under each mapping; keys begin with a capital letter. */
static int parse_line(const char *line, struct track_vmas *vmas)
{
	struct track_vma vma;
	int ret;

	if (isupper((unsigned char)line[0])) {
		if (!strncmp(line, "VmFlags:", 8) && vmas->nr)
			vmas->v[vmas->nr - 1].flags = parse_flags(line + 8);
		return 0;
	}
	ret = parse_mapping(line, &vma);
	if (ret)
		return ret;
	if (vmas->nr && vma.start < vmas->v[vmas->nr - 1].end)
		return -EBADMSG;
	return append(vmas, &vma);
}

int track_vmas_parse(FILE *text, struct track_vmas *ret_vmas)
{
	auto_track_vmas struct track_vmas vmas = { 0 };
	auto_free char *line = NULL;
	size_t cap = 0;
	int ret;

	while (errno = 0, getline(&line, &cap, text) >= 0) {
		ret = parse_line(line, &vmas);
		if (ret)
			return ret;
	}
	if (ferror(text))
		return errno ? -errno : -EIO;
	*ret_vmas = vmas;
	vmas = (struct track_vmas){ 0 };
	return 0;
}

static int read_once(const char *path, struct track_vmas *ret_vmas)
{
	auto_fclose FILE *text = fopen(path, "re");

	if (!text)
		return errno == ENOENT ? -ESRCH : -errno;
	return track_vmas_parse(text, ret_vmas);
}

/*
 * The kernel prints a page of text at a time and finds its way back by address. When mappings
 * merge in between, the next line begins below the end of the last: no snapshot, so look again.
 */
int track_vmas_read(pid_t pid, bool with_flags, struct track_vmas *ret_vmas)
{
	char path[64];
	int ret = -EBADMSG;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, with_flags ? "smaps" : "maps");
	for (int attempt = 0; attempt < TRACK_VMAS_ATTEMPTS && ret == -EBADMSG; attempt++)
		ret = read_once(path, ret_vmas);
	return ret;
}

const struct track_vma *track_vmas_find(const struct track_vmas *vmas, uint64_t addr)
{
	size_t low = 0, high = vmas->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (vmas->v[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < vmas->nr && vmas->v[low].start <= addr ? &vmas->v[low] : NULL;
}

bool track_vma_is_private(const struct track_vma *vma)
{
	return vma->perms[3] == 'p';
}

bool track_vma_is_file(const struct track_vma *vma)
{
	return vma->ino != 0;
}

const char *track_vma_writer(const struct track_vma *vma)
{
	if (!strncmp(vma->name, "/[aio]", 6))
		return "an open context of Linux AIO";
	return strncmp(vma->name, "anon_inode:[io_uring]", 21) ? NULL : "an open io_uring";
}

const char *track_vma_refusal(const struct track_vma *vma)
{
	if (!track_vma_is_private(vma))
		return "shared memory is dumped whole";
	if (vma->flags & TRACK_VMA_IO)
		return "device memory";
	if (vma->flags & TRACK_VMA_HUGETLB)
		return "huge pages of hugetlb are dumped whole";
	if (vma->flags & TRACK_VMA_SHADOW_STACK)
		return "shadow stack";
	if (vma->flags & TRACK_VMA_DROPPABLE)
		return "droppable memory is not dumped";
	/* The kernel refuses to register its own special mappings (EINVAL). */
	if (!strncmp(vma->name, "[v", 2))
		return "mapping of the kernel";
	if (!strncmp(vma->name, "/[aio]", 6))
		return "ring of asynchronous I/O: the kernel writes past the page tables";
	return NULL;
}

void track_vmas_free(struct track_vmas *vmas)
{
	free(vmas->v);
	*vmas = (struct track_vmas){ 0 };
}
