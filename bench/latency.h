/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Latencies, counted in buckets that are at most 1/32 wide: enough for percentiles, and adding one
 * costs nothing that a measurement would see.
 */
#ifndef LAZY_WP_BENCH_LATENCY_H
#define LAZY_WP_BENCH_LATENCY_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define LATENCY_FINE_BITS 5
#define LATENCY_BUCKETS   ((65 - LATENCY_FINE_BITS) << LATENCY_FINE_BITS)

struct latency {
	uint64_t buckets[LATENCY_BUCKETS];
	uint64_t count, longest_ns;
};

static inline uint64_t latency_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline unsigned int latency_bucket(uint64_t ns)
{
	unsigned int shift;

	if (ns < 1 << LATENCY_FINE_BITS)
		return (unsigned int)ns;
	shift = 63 - (unsigned int)__builtin_clzll(ns) - LATENCY_FINE_BITS;
	return (unsigned int)(ns >> shift) + (shift << LATENCY_FINE_BITS);
}

static inline void latency_add(struct latency *latency, uint64_t ns)
{
	latency->buckets[latency_bucket(ns)]++;
	latency->count++;
	if (ns > latency->longest_ns)
		latency->longest_ns = ns;
}

static inline void latency_add_all(struct latency *latency, const struct latency *added)
{
	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
		latency->buckets[i] += added->buckets[i];
	latency->count += added->count;
	if (added->longest_ns > latency->longest_ns)
		latency->longest_ns = added->longest_ns;
}

/* The least latency of the bucket that holds the so-manieth part of them, in us. */
static inline double latency_us(const struct latency *latency, double part)
{
	uint64_t seen = 0, wanted = (uint64_t)(part * (double)latency->count);

	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++) {
		unsigned int shift = i >> LATENCY_FINE_BITS;

		seen += latency->buckets[i];
		if (seen <= wanted)
			continue;
		if (!shift)
			return i / 1e3;
		shift--;
		return (double)((uint64_t)(i - (shift << LATENCY_FINE_BITS)) << shift) / 1e3;
	}
	return (double)latency->longest_ns / 1e3;
}

/* "ok SECONDS OPERATIONS P50 P99 P99.9 MAX" with latencies in us. */
static inline int latency_print(const struct latency *latency, uint64_t since_ns, char *ret_text,
				size_t len_bytes)
{
	return snprintf(ret_text, len_bytes, "ok %.6f %llu %.3f %.3f %.3f %.3f",
			(double)(latency_now_ns() - since_ns) / 1e9,
			(unsigned long long)latency->count, latency_us(latency, 0.5),
			latency_us(latency, 0.99), latency_us(latency, 0.999),
			(double)latency->longest_ns / 1e3);
}

#endif
