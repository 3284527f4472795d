// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two trackers that a program can have without help from the kernel's page tables, to measure
 * ours against; preloaded into it. BENCH_TRACKER=uffd: synchronous userfaultfd write-protect, with
 * a thread that answers; mprotect: read-only memory and SIGSEGV. Every BENCH_PERIOD_MS all large
 * private mappings are protected anew; the first write to each page after that is noted, and
 * BENCH_COUNT gets the number of pages of the last period.
 *
 * mprotect cannot do it for every program: a system call that writes to protected memory fails with
 * EFAULT. Stacks of threads are left out, because the handler runs there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SMALLEST_BYTES (1 << 20)
#define RANGES_MAX     4096
#define STACKS_MAX     64
#define PAGES_MAX      (1 << 22)
#define TEXT_BYTES     (1 << 16)

struct range {
	uintptr_t start, end;
};

/* Two of them: faults are looked up in the one while the other is made. */
struct table {
	struct range ranges[RANGES_MAX];
	size_t nr;
};

static struct table tables[2];
static struct table *_Atomic current = &tables[0];
static struct range stacks[STACKS_MAX];
static atomic_size_t nr_stacks, nr_written;
static uintptr_t *written; /* the addresses of this period, what a checkpoint would take */
static uintptr_t page_bytes;
static int uffd = -1, count_fd = -1;
static bool with_mprotect;

static void __attribute__((noreturn)) give_up(const char *what)
{
	static const char prefix[] = "bench tracker: ";

	if (write(STDERR_FILENO, prefix, sizeof(prefix) - 1) < 0 ||
	    write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(98);
	_exit(99);
}

static void note(uintptr_t page)
{
	written[atomic_fetch_add(&nr_written, 1) % PAGES_MAX] = page;
}

static bool is_protected(uintptr_t address)
{
	const struct table *table = current;

	for (size_t i = 0; i < table->nr; i++) {
		if (address >= table->ranges[i].start && address < table->ranges[i].end)
			return true;
	}
	return false;
}

/* A page that two threads write at once is noted twice: it costs no more than a page. */
static void on_write(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr / page_bytes * page_bytes;

	(void)context;
	if (!is_protected(page)) {
		signal(number, SIG_DFL);
		return;
	}
	if (mprotect((void *)page, page_bytes, PROT_READ | PROT_WRITE))
		give_up("mprotect: too many mappings (vm.max_map_count)");
	note(page);
}

static bool is_stack(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < nr_stacks; i++) {
		if (stacks[i].start < end && stacks[i].end > start)
			return true;
	}
	return false;
}

static void drop_small_range(struct table *table)
{
	const struct range *last = table->ranges + table->nr;

	if (table->nr && last[-1].end - last[-1].start < SMALLEST_BYTES)
		table->nr--;
}

/* A range that is in pieces, some of them protected before, is one again. */
static void add_range(struct table *table, uintptr_t start, uintptr_t end)
{
	if (table->nr && table->ranges[table->nr - 1].end == start) {
		table->ranges[table->nr - 1].end = end;
		return;
	}
	drop_small_range(table);
	if (table->nr == RANGES_MAX)
		give_up("too many ranges");
	table->ranges[table->nr++] = (struct range){ start, end };
}

static void add_mapping(struct table *table, const char *line)
{
	uintptr_t start, end;
	char perms[5];
	unsigned long inode;

	if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, perms, &inode) != 4)
		return;
	if (inode || perms[0] != 'r' || perms[2] != '-' || perms[3] != 'p' ||
	    (perms[1] != 'w' && !with_mprotect) || strstr(line, "[stack]") || strstr(line, "[v") ||
	    is_stack(start, end))
		return;
	add_range(table, start, end);
}

static void find_ranges(struct table *table)
{
	static char text[TEXT_BYTES + 1];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t held = 0;
	ssize_t got;

	table->nr = 0;
	while ((got = read(fd, text + held, TEXT_BYTES - held)) > 0) {
		char *line = text, *end;

		held += (size_t)got;
		text[held] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			add_mapping(table, line);
		}
		held = (size_t)(text + held - line);
		memmove(text, line, held);
	}
	close(fd);
	drop_small_range(table);
}

/* A mapping that has gone meanwhile is none of our business. */
static void protect(struct range range)
{
	struct uffdio_register reg = {
		.range = { .start = range.start, .len = range.end - range.start },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = { .range = reg.range, .mode = UFFDIO_WRITEPROTECT_MODE_WP };

	if (with_mprotect)
		mprotect((void *)range.start, range.end - range.start, PROT_READ);
	else if (!ioctl(uffd, UFFDIO_REGISTER, &reg))
		ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
}

static void begin_period(void)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%zu\n", atomic_exchange(&nr_written, 0));
	struct table *table = current == &tables[0] ? &tables[1] : &tables[0];

	if (count_fd >= 0 && pwrite(count_fd, text, (size_t)len, 0) != len)
		give_up("cannot write the count");
	find_ranges(table);
	current = table;
	for (size_t i = 0; i < table->nr; i++)
		protect(table->ranges[i]);
}

static void answer_fault(void)
{
	struct uffd_msg message;
	struct uffdio_writeprotect wp;

	if (read(uffd, &message, sizeof(message)) != sizeof(message) ||
	    message.event != UFFD_EVENT_PAGEFAULT)
		return;
	wp = (struct uffdio_writeprotect){
		.range = { .start = message.arg.pagefault.address / page_bytes * page_bytes,
			   .len = page_bytes },
	};
	note(wp.range.start);
	while (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) && errno == EAGAIN)
		; /* the mapping is just being changed */
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *track(void *unused)
{
	long period = atol(getenv("BENCH_PERIOD_MS") ?: "1000"), next = now_ms() + period;
	struct pollfd ready = { .fd = uffd, .events = POLLIN };

	for (;;) {
		long left = next - now_ms();

		if (left <= 0) {
			begin_period();
			next += period;
		} else if (poll(&ready, 1, (int)left) > 0) {
			answer_fault();
		}
	}
	return unused;
}

struct start {
	void *(*run)(void *);
	void *argument;
};

static void note_own_stack(void)
{
	pthread_attr_t attributes;
	void *address;
	size_t len, i = atomic_fetch_add(&nr_stacks, 1);

	if (i >= STACKS_MAX || pthread_getattr_np(pthread_self(), &attributes) ||
	    pthread_attr_getstack(&attributes, &address, &len))
		give_up("the stack of a thread");
	stacks[i] = (struct range){ (uintptr_t)address, (uintptr_t)address + len };
	pthread_attr_destroy(&attributes);
}

static void *start_thread(void *argument)
{
	struct start start = *(struct start *)argument;

	free(argument);
	note_own_stack();
	return start.run(start.argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *argument)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
		    void *) = dlsym(RTLD_NEXT, "pthread_create");
	struct start *start = malloc(sizeof(*start));

	if (!start)
		return EAGAIN;
	*start = (struct start){ run, argument };
	return real(thread, attributes, start_thread, start);
}

static void open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("userfaultfd");
}

static void __attribute__((constructor)) start_tracker(void)
{
	struct sigaction action = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO };
	const char *kind = getenv("BENCH_TRACKER"), *count = getenv("BENCH_COUNT");
	pthread_t thread;

	if (!kind)
		return;
	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	with_mprotect = !strcmp(kind, "mprotect");
	written = mmap(NULL, PAGES_MAX * sizeof(*written), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (written == MAP_FAILED)
		give_up("mmap");
	if (count)
		count_fd = open(count, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (with_mprotect)
		sigaction(SIGSEGV, &action, NULL);
	else
		open_uffd();
	if (pthread_create(&thread, NULL, track, NULL))
		give_up("pthread_create");
}
