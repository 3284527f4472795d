/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the dirty logs of a chain of directories say of one task's pages: whether the tracker may
 * call a page clean, and a phrase for people. The logs are the struct's own; the chain is the
 * caller's and must outlive it.
 */
#ifndef LAZY_WP_CLI_VERIFY_LOG_H
#define LAZY_WP_CLI_VERIFY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "image/chain.h"
#include "image/dirty-log.h"
#include "util/process.h"

struct verify_log {
	bool there;      /* the topmost directory has a log of this very task */
	bool of_another; /* it has the log of another task that had this pid */
	bool of_others;  /* it has logs, and none of this pid: the task was not known yet */
	bool soft_dirty; /* it was tracked by soft-dirty, not by write-protect */
	struct image_dirty_log log;
	const struct image_chain *chain;
};

/* -EBADMSG: the log is corrupt; errors of openat(2), -ENOMEM. No log is no error. */
int verify_log_load(const struct image_chain *chain, const struct process_info *task,
		    struct verify_log *ret_log, struct image_error *error);

/*
 * True if the next iteration would take the page at its word: the image has it, and these
 * categories (TRACK_PAGE_IS_*) prove it unwritten since.
 */
bool verify_log_calls_clean(const struct verify_log *log, enum image_page_state state,
			    uint64_t categories, bool in_file_mapping);

/* Writes a phrase: "taken seq 3 (written)", "clean since seq 2", ... */
void verify_log_describe(const struct verify_log *log, uint64_t address, char *text, size_t size);

void verify_log_free(struct verify_log *log);
#define auto_verify_log __attribute__((cleanup(verify_log_free)))

#endif
