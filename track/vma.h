/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mappings of a task, from /proc/PID/maps or /proc/PID/smaps (man proc). A list is a
 * snapshot: the task may change its mappings at any time, so nothing may be called clean because
 * of it alone. smaps also tells each mapping's VmFlags, among them "uw" (registered for
 * userfaultfd write-protect), but walks the page tables (about 3 ns a page).
 * struct track_vmas is owned by the caller and ended with track_vmas_free() or auto_track_vmas.
 */
#ifndef LAZY_WP_TRACK_VMA_H
#define LAZY_WP_TRACK_VMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum track_vma_flag {
	TRACK_VMA_UFFD_WP = 1 << 0,      /* "uw" */
	TRACK_VMA_UFFD_OTHER = 1 << 1,   /* "um" or "ui": missing or minor mode */
	TRACK_VMA_HUGETLB = 1 << 2,      /* "ht" */
	TRACK_VMA_IO = 1 << 3,           /* "io" or "pf": device memory, never touched */
	TRACK_VMA_SHADOW_STACK = 1 << 4, /* "ss" */
	TRACK_VMA_DROPPABLE = 1 << 5,    /* "dp" */
};

/* Longest part of a mapping's name that is kept; longer ones are cut. */
#define TRACK_VMA_NAME_MAX 64

struct track_vma {
	uint64_t start, end; /* bytes, page-aligned */
	uint64_t pgoff;      /* bytes into the file */
	uint64_t ino;        /* 0: anonymous */
	uint32_t dev_major, dev_minor;
	char perms[5];  /* as the kernel prints them: rwxp */
	uint32_t flags; /* enum track_vma_flag; 0 when read from maps */
	char name[TRACK_VMA_NAME_MAX];
};

struct track_vmas {
	struct track_vma *v;
	size_t nr, cap;
};

/*
 * Reads the mappings of pid, with VmFlags (smaps) or without (maps). A task without memory
 * (kernel thread, zombie) has an empty list. -ESRCH: it is gone; -EACCES, -EPERM: no right to
 * look; -EBADMSG: the kernel's text was not understood; -ENOMEM.
 */
int track_vmas_read(pid_t pid, bool with_flags, struct track_vmas *ret_vmas);

/* The parser behind it: maps or smaps text from a stream. -EBADMSG, -ENOMEM, -EIO. */
int track_vmas_parse(FILE *text, struct track_vmas *ret_vmas);

/* The mapping that holds addr, or NULL. */
const struct track_vma *track_vmas_find(const struct track_vmas *vmas, uint64_t addr);

bool track_vma_is_private(const struct track_vma *vma);

/* True if the mapping may show pages of a file: only then can pte markers hide a loss (see scan.h). */
bool track_vma_is_file(const struct track_vma *vma);

/*
 * A phrase if the mapping shows that the kernel may be writing the task's memory past its page
 * tables (the ring of Linux AIO or io_uring, whoever has its descriptor), else NULL.
 */
const char *track_vma_writer(const struct track_vma *vma);

/* NULL if the mapping's pages can be tracked, else why not: a phrase for logs. Needs VmFlags. */
const char *track_vma_refusal(const struct track_vma *vma);

void track_vmas_free(struct track_vmas *vmas);
#define auto_track_vmas __attribute__((cleanup(track_vmas_free)))

#endif
