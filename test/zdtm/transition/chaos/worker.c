// SPDX-License-Identifier: GPL-2.0-only
/* A worker: operations drawn from its stream until it shall stop, and its report. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chaos.h"

#define MALLOC_RESERVE (1 << 20)

static const struct operation *const groups[] = { chaos_writes, chaos_advices, chaos_remaps,
						  chaos_processes };

/* splitmix64 */
uint64_t chaos_random(uint64_t *state)
{
	uint64_t word = (*state += 0x9e3779b97f4a7c15ULL);

	word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
	word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
	return word ^ (word >> 31);
}

uint64_t chaos_mix(uint64_t one, uint64_t other)
{
	uint64_t state = one ^ (other * 0xd6e8feb86659fd93ULL);

	return chaos_random(&state);
}

size_t chaos_below(struct worker *worker, size_t bound)
{
	return chaos_random(&worker->random) % bound;
}

bool chaos_chance(struct worker *worker, unsigned int percent)
{
	return chaos_below(worker, 100) < percent;
}

const struct operation *chaos_operation(unsigned int number)
{
	for (size_t group = 0; group < sizeof(groups) / sizeof(*groups); group++)
		for (const struct operation *found = groups[group]; found->name; found++)
			if (!number--)
				return found;
	return NULL;
}

static bool is_left_out(const struct worker *worker, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = worker->without; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && !memcmp(at, name, len))
			return true;
	return false;
}

/* Some operations are frequent with one seed and unknown with another. */
static void choose_weights(struct worker *worker)
{
	static const unsigned int factors[] = { 0, 1, 1, 1, 2, 4 };
	const struct operation *operation;
	unsigned int sum = 0;

	for (unsigned int i = 0; (operation = chaos_operation(i)); i++) {
		unsigned int factor =
			factors[chaos_below(worker, sizeof(factors) / sizeof(*factors))];

		if (!is_left_out(worker, operation->name))
			sum += operation->weight * factor;
		worker->weights[i] = sum;
		worker->nr_operations = i + 1;
	}
}

/* malloc shall never move the break once a slot is there. */
static void reserve_malloc(void)
{
	void *volatile reserve; /* or the compiler would know better */

	mallopt(M_TOP_PAD, MALLOC_RESERVE);
	mallopt(M_TRIM_THRESHOLD, 4 * MALLOC_RESERVE);
	reserve = malloc(MALLOC_RESERVE / 16);
	free(reserve);
}

static void open_file(struct worker *worker)
{
	static uint8_t page[CHAOS_PAGE_BYTES_MAX];

	worker->zero_hash = chaos_hash(page);
	/*
	 * Not O_RDONLY: /proc/PID/map_files keeps the mode of the mapping that it was first asked
	 * for, so a mapping that changes its kind between two dumps is restored with a wrong mode.
	 */
	worker->file_fd = open(CHAOS_FILE, O_RDWR | O_CLOEXEC);
	worker->direct_fd = open(CHAOS_FILE, O_RDWR | O_CLOEXEC | O_DIRECT);
	if (worker->direct_fd < 0)
		worker->direct_fd = worker->file_fd;
	for (size_t i = 0; i < CHAOS_FILE_PAGES; i++) {
		if (pread(worker->file_fd, page, chaos_page_size(),
			  (off_t)(i * chaos_page_size())) != (ssize_t)chaos_page_size())
			chaos_complain(worker, "reading %s: %s", CHAOS_FILE, strerror(errno));
		worker->file_hashes[i] = chaos_hash(page);
	}
}

static enum slot_kind kind_of(struct worker *worker, const struct slot *slot)
{
	enum slot_kind ordinary = slot_kind_pick(worker);

	switch (slot->number) {
	case 0:
		return SLOT_SPARSE;
	case 1:
		return SLOT_BRK;
	case 2:
	case CHAOS_SLOT_WHOLE:
		return worker->depth ? ordinary : SLOT_HUGE;
	}
	return ordinary;
}

/* Needs seed, depth, without. */
void chaos_worker_prepare(struct worker *worker, unsigned int nr_slots)
{
	worker->random = worker->seed;
	worker->operation = "start";
	choose_weights(worker);
	reserve_malloc();
	open_file(worker);
	worker->nr_slots = nr_slots;
	for (unsigned int i = 0; i < nr_slots; i++) {
		struct slot *slot = &worker->slots[i];
		struct range some;

		slot->number = i;
		slot->kind = kind_of(worker, slot);
		slot->pages = slot->kind == SLOT_HUGE ? CHAOS_HUGE_BYTES / chaos_page_size() :
							1 + chaos_below(worker, CHAOS_PAGES);
		slot_map(worker, slot, slot->kind, NULL);
		some = chaos_chance(worker, 50) ? range_whole(slot) : range_pick_in(worker, slot);
		chaos_store(worker, &some);
	}
}

static void operate(struct worker *worker)
{
	size_t drawn = chaos_below(worker, worker->weights[worker->nr_operations - 1]);
	const struct operation *operation;
	unsigned int number = 0;

	while (worker->weights[number] <= drawn)
		number++;
	operation = chaos_operation(number);
	worker->operation = operation->name;
	operation->run(worker);
	worker->operations++;
	worker->done[number]++;
}

static bool shall_stop(const struct worker *worker)
{
	return !worker->depth && !worker->replays &&
	       __atomic_load_n(&worker->world->stop, __ATOMIC_ACQUIRE);
}

void chaos_worker_run(struct worker *worker)
{
	while (worker->operations < worker->limit && !shall_stop(worker))
		operate(worker);
	worker->operation = "end";
	chaos_child_collect(worker);
}

/* Of all slots, after settling and verifying them, and of the children. */
uint64_t chaos_worker_digest(struct worker *worker)
{
	uint64_t digest = worker->children_digest;

	for (unsigned int i = 0; i < worker->nr_slots; i++) {
		struct range whole = range_whole(&worker->slots[i]);

		range_open(worker, &whole);
		for (size_t page = 0; page < whole.pages; page++)
			digest = chaos_mix(digest, worker->slots[i].hashes[page]);
	}
	return digest;
}

static void report_slot(struct worker *worker, struct slot *slot)
{
	struct range whole = range_whole(slot);

	mprotect(slot->memory, slot_bytes(slot), PROT_READ | PROT_WRITE);
	range_advise(&whole, MADV_GUARD_REMOVE);
	worker->report->slots[slot->number] = (struct slot_report){
		.kind = slot->kind,
		.memory = (uintptr_t)slot->memory,
		.pages = slot->memory ? slot->pages : 0,
		.stride = slot->stride,
	};
}

/* Tells the root, and keeps the memory for it to look at, as it is, until it has looked. */
_Noreturn void chaos_worker_report(struct worker *worker, int status)
{
	char byte = 0;

	worker->report->operations = worker->operations;
	memcpy(worker->report->done, worker->done, sizeof(worker->done));
	for (unsigned int i = 0; i < worker->nr_slots; i++)
		report_slot(worker, &worker->slots[i]);
	if (write(worker->reported_fd, &byte, sizeof(byte)) == sizeof(byte))
		while (read(worker->release_fd, &byte, sizeof(byte)) < 0 && errno == EINTR)
			;
	_exit(status);
}

static void complaint_text(const struct worker *worker, char text[CHAOS_TEXT_BYTES],
			   const char *format, va_list arguments)
{
	int len = snprintf(text, CHAOS_TEXT_BYTES, "%s%s, operation %llu: ", worker->operation,
			   worker->depth ? " in a child" : "",
			   (unsigned long long)worker->operations);

	if (len > 0 && len < CHAOS_TEXT_BYTES)
		vsnprintf(text + len, CHAOS_TEXT_BYTES - (size_t)len, format, arguments);
}

/* The first complaint counts: a parent complains of its child's end, too. */
_Noreturn void chaos_complain(struct worker *worker, const char *format, ...)
{
	char text[CHAOS_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	complaint_text(worker, text, format, arguments);
	va_end(arguments);
	if (!worker->report)
		dprintf(STDERR_FILENO, "executed child: %s\n", text);
	else if (!worker->report->complaint[0])
		memcpy(worker->report->complaint, text, sizeof(text));
	if (worker->depth)
		_exit(1);
	chaos_worker_report(worker, 1);
}
