/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random operations on memory whose outcome depends on a seed alone. A worker is one process with
 * some 28 slots (mappings of different kinds); each operation draws from the worker's stream what
 * it does, so n operations from one seed always end in the same bytes, in any process, whatever
 * the kernel refused meanwhile and whether or not the worker was checkpointed in between.
 *
 * For each page the worker remembers a hash of what it must contain. Every operation verifies the
 * pages that it is about to replace. Contents that depend on the kernel (after MADV_FREE) or that
 * cannot be read (protected, guarded) are *pending*: the next operation that needs the content
 * settles them, with bytes from the seed.
 *
 * Nothing here uses the test library: errors end in chaos_complain(), which never returns.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHAOS_FILE           "memory_chaos.data"
#define CHAOS_FILE_PAGES     128
#define CHAOS_SLOTS          28
#define CHAOS_SLOT_WHOLE     3
#define CHAOS_SLOTS_FEW      8 /* of a child that was executed */
#define CHAOS_PAGES          64
#define CHAOS_PAGE_BYTES_MAX 65536
#define CHAOS_HUGE_BYTES     (2UL << 20)
#define CHAOS_PAGES_MAX      512
#define CHAOS_STRIDE         61 /* sparse slots use one page of so many */
#define CHAOS_WORKERS_MAX    16
#define CHAOS_OPERATIONS     48
#define CHAOS_TEXT_BYTES     256

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

enum slot_kind { SLOT_ANON, SLOT_FILE, SLOT_SHARED, SLOT_MEMFD, SLOT_HUGE, SLOT_SPARSE, SLOT_BRK };

enum page_state {
	PAGE_KNOWN,   /* has the hash */
	PAGE_FREED,   /* has the hash, or is zero */
	PAGE_GUARDED, /* has the hash once the guard is gone */
};

struct slot {
	unsigned int number;
	enum slot_kind kind;
	uint8_t *memory;
	size_t pages;
	size_t stride;    /* in pages, from one page of the slot to the next */
	size_t file_page; /* the first one mapped */
	int fd;           /* of a memfd, or -1 */
	bool wiped_on_fork;
	bool is_protected; /* in part or whole */
	bool is_pending;   /* some page is not PAGE_KNOWN */
	uint64_t settle_seed;
	uint8_t states[CHAOS_PAGES_MAX];
	uint64_t hashes[CHAOS_PAGES_MAX];
};

struct range {
	struct slot *slot;
	size_t first, pages;
};

struct slot_report {
	enum slot_kind kind;
	uintptr_t memory;
	size_t pages, stride;
};

/* What a worker did and has; in memory shared with the root, which reads the slots themselves. */
struct report {
	pid_t pid;
	uint64_t operations;
	uint64_t digest; /* of what every page must contain, in the worker and in its children */
	char complaint[CHAOS_TEXT_BYTES];
	uint64_t done[CHAOS_OPERATIONS];
	struct slot_report slots[CHAOS_SLOTS];
	uint64_t mail_sent[CHAOS_WORKERS_MAX]; /* the number of the last letter to each worker */
};

struct world {
	int stop;
	unsigned int nr_workers;
	uint64_t seed;
	uint8_t *mailbox; /* private memory, at one address in all workers: a page for each */
	struct report live[CHAOS_WORKERS_MAX];
	struct report replayed[CHAOS_WORKERS_MAX];
};

struct worker {
	struct world *world;   /* NULL: executed */
	struct report *report; /* NULL: executed */
	unsigned int index;
	unsigned int depth; /* 0: made by the root; 1: a child */
	bool replays;
	const char *without; /* names of operations, with commas */
	int reported_fd, release_fd;
	uint64_t limit; /* operations */
	uint64_t seed, random, operations;
	const char *operation;  /* being done */
	int file_fd, direct_fd; /* direct: O_DIRECT, where the file system has it */
	unsigned int nr_slots;
	struct slot slots[CHAOS_SLOTS];
	uint64_t zero_hash, file_hashes[CHAOS_FILE_PAGES];
	unsigned int nr_operations;
	unsigned int weights[CHAOS_OPERATIONS]; /* running sums */
	uint64_t done[CHAOS_OPERATIONS];
	uint64_t children_digest;
	struct {
		pid_t pid; /* 0: none */
		int result_fd;
		uint64_t started;
	} child;
};

/* worker.c */
void chaos_worker_prepare(struct worker *worker, unsigned int nr_slots);
void chaos_worker_run(struct worker *worker);
uint64_t chaos_worker_digest(struct worker *worker);
_Noreturn void chaos_worker_report(struct worker *worker, int status);
_Noreturn void chaos_complain(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Random words: one step of a stream, a number below a bound, a word of several. */
uint64_t chaos_random(uint64_t *state);
size_t chaos_below(struct worker *worker, size_t bound);
bool chaos_chance(struct worker *worker, unsigned int percent);
uint64_t chaos_mix(uint64_t one, uint64_t other);

/* slot.c: pages */
size_t chaos_page_size(void);
void chaos_fill(void *memory, uint64_t seed, size_t len_bytes);
uint64_t chaos_hash(const void *page);
int chaos_file_make(uint64_t seed);

/* slot.c: slots */
uint8_t *slot_page(const struct slot *slot, size_t page);
size_t slot_bytes(const struct slot *slot);
bool slot_is_private(const struct slot *slot);
bool slot_is_anonymous(const struct slot *slot);
uint64_t slot_fresh_hash(const struct worker *worker, const struct slot *slot, size_t page);
enum slot_kind slot_kind_pick(struct worker *worker);
void slot_map(struct worker *worker, struct slot *slot, enum slot_kind kind, uint8_t *at);
void slot_renew(struct worker *worker, struct slot *slot);
void slot_forget(struct slot *slot);
void slot_unprotect(struct worker *worker, struct slot *slot);
void slot_settle(struct worker *worker, struct slot *slot);
void slot_verify_page(struct worker *worker, const struct slot *slot, size_t page);

/* slot.c: ranges */
struct range range_whole(struct slot *slot);
struct range range_pick(struct worker *worker);
struct range range_pick_in(struct worker *worker, struct slot *slot);
uint8_t *range_page(const struct range *range, size_t page);
int range_advise(const struct range *range, int advice);
void range_expect_fresh(const struct worker *worker, const struct range *range);
void range_verify(struct worker *worker, const struct range *range);
void range_rehash(const struct range *range);
void range_open(struct worker *worker, const struct range *range);

/* The operations. */
struct operation {
	const char *name;
	void (*run)(struct worker *worker);
	unsigned int weight; /* a seed takes some more or less often */
};

const struct operation *chaos_operation(unsigned int number); /* NULL: no more */
extern const struct operation chaos_writes[], chaos_advices[], chaos_remaps[], chaos_processes[];

void chaos_store(struct worker *worker, const struct range *range);

/* process.c */
void chaos_child_collect(struct worker *worker);
void chaos_letter(uint8_t *page, uint64_t seed, unsigned int from, unsigned int to,
		  uint64_t number);
int chaos_executed(int argc, char **argv);

#endif
