/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fuzz targets share. A target is fuzz_NAME.c, nothing but LLVMFuzzerTestOneInput(): it feeds
 * the bytes to one parser and checks what the parser's header promises. It is linked with libFuzzer
 * (scripts/fuzz) or with replay.c, which gives it the files of corpus/NAME.
 */
#ifndef LAZY_WP_TEST_FUZZ_SUPPORT_H
#define LAZY_WP_TEST_FUZZ_SUPPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Of libFuzzer. 0, always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with a message unless condition holds, whatever the build's NDEBUG. */
#define MUST(condition) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, __func__, #condition))

_Noreturn void fuzz_fail(const char *file, int line, const char *function, const char *condition);

/*
 * A memory file with these bytes, read from its start; the same one each time, so that one set
 * before has no longer its own. The descriptor stays open.
 */
int fuzz_memory_file(const uint8_t *data, size_t size);

/* Where the memory file can be opened by name. */
const char *fuzz_memory_path(void);

/* A stream over the bytes, to be closed by the caller: for parsers of /proc text. */
FILE *fuzz_stream(const uint8_t *data, size_t size);

/*
 * An empty directory in $TMPDIR, made once and removed with its files when the process ends. Not
 * by a fuzzer, nor after a crash: scripts/fuzz and scripts/check remove their TMPDIR.
 */
int fuzz_directory(void);

/* Makes every opening of name in fuzz_directory() an opening of the memory file. */
void fuzz_link_memory_file(const char *name);

/* Takes up to len bytes off the input. */
uint64_t fuzz_take_number(const uint8_t **data, size_t *size, size_t len_bytes);
size_t fuzz_take_bytes(const uint8_t **data, size_t *size, size_t len, const uint8_t **ret_bytes);

/* How many descriptors are open: as many before as after, if nothing was left open in between. */
int fuzz_open_descriptors(void);

#endif
