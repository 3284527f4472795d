// SPDX-License-Identifier: GPL-2.0-only
/* range_set against a model that cannot be wrong: one bool for each address of a small world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/range.h"

#define WORLD  256 /* addresses 0 .. WORLD-1 */
#define ROUNDS 4000
#define SEED   20240607u

struct model {
	bool has[WORLD];
};

static unsigned int random_state;

static unsigned int random_below(unsigned int limit)
{
	return rand_r(&random_state) % limit;
}

static void model_set(struct model *model, uint64_t start, uint64_t end, bool value)
{
	for (uint64_t i = start; i < end; i++)
		model->has[i] = value;
}

/* Sorted, disjoint, not adjacent, nothing empty: the promise of range.h. */
static void assert_canonical(const struct range_set *set)
{
	for (size_t i = 0; i < set->nr; i++) {
		assert_true(set->v[i].start < set->v[i].end);
		if (i)
			assert_true(set->v[i - 1].end < set->v[i].start);
	}
}

static void assert_same(const struct range_set *set, const struct model *model)
{
	struct model found = { 0 };
	uint64_t bytes = 0;

	assert_canonical(set);
	for (size_t i = 0; i < set->nr; i++) {
		assert_true(set->v[i].end <= WORLD);
		model_set(&found, set->v[i].start, set->v[i].end, true);
	}
	assert_memory_equal(found.has, model->has, sizeof(found.has));
	for (size_t i = 0; i < WORLD; i++)
		bytes += model->has[i];
	assert_int_equal(range_set_bytes(set), bytes);
}

static void assert_finds(const struct range_set *set, uint64_t addr)
{
	size_t expected = 0;

	while (expected < set->nr && set->v[expected].end <= addr)
		expected++;
	assert_int_equal(range_set_find(set, addr), expected);
}

static void assert_contains(const struct range_set *set, const struct model *model, uint64_t start,
			    uint64_t end)
{
	bool all = true;

	for (uint64_t i = start; i < end; i++)
		all = all && model->has[i];
	assert_int_equal(range_set_contains(set, start, end), all);
}

static void change(struct range_set *set, struct model *model)
{
	uint64_t start = random_below(WORLD), end = start + random_below(20);
	bool add = random_below(2);

	if (end > WORLD)
		end = WORLD;
	assert_int_equal(add ? range_set_add(set, start, end) : range_set_remove(set, start, end),
			 0);
	model_set(model, start, end, add);
}

static void test_changes_match_the_model(void **state)
{
	auto_range_set struct range_set set = { 0 };
	struct model model = { 0 };

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = random_below(WORLD - 1),
			 end = start + 1 + random_below(WORLD - start);

		change(&set, &model);
		assert_same(&set, &model);
		assert_contains(&set, &model, start, end);
		assert_finds(&set, random_below(WORLD + 10));
	}
}

static void test_intersect_and_subtract_match_the_model(void **state)
{
	auto_range_set struct range_set a = { 0 }, b = { 0 };
	struct model in_a = { 0 }, in_b = { 0 };

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		auto_range_set struct range_set both = { 0 }, rest = { 0 };
		struct model in_both, in_rest;

		change(&a, &in_a);
		change(&b, &in_b);
		for (size_t at = 0; at < WORLD; at++) {
			in_both.has[at] = in_a.has[at] && in_b.has[at];
			in_rest.has[at] = in_a.has[at] && !in_b.has[at];
		}
		assert_int_equal(range_set_intersect(&a, &b, &both), 0);
		assert_int_equal(range_set_subtract(&a, &b, &rest), 0);
		assert_same(&both, &in_both);
		assert_same(&rest, &in_rest);
	}
	assert_same(&a, &in_a);
	assert_same(&b, &in_b);
}

static void assert_one_range(const struct range_set *set, uint64_t start, uint64_t end)
{
	assert_int_equal(set->nr, 1);
	assert_int_equal(set->v[0].start, start);
	assert_int_equal(set->v[0].end, end);
}

static void test_neighbours_merge(void **state)
{
	auto_range_set struct range_set set = { 0 };

	(void)state;
	range_set_add(&set, 10, 20);
	range_set_add(&set, 20, 30); /* after */
	assert_one_range(&set, 10, 30);
	range_set_add(&set, 5, 10); /* before */
	assert_one_range(&set, 5, 30);
	range_set_add(&set, 31, 40); /* a hole of one */
	assert_int_equal(set.nr, 2);
	range_set_add(&set, 30, 31); /* fills it exactly */
	assert_one_range(&set, 5, 40);
	range_set_add(&set, 7, 9); /* inside */
	assert_one_range(&set, 5, 40);
	range_set_add(&set, 50, 60);
	range_set_add(&set, 70, 80);
	range_set_add(&set, 0, 100); /* over all */
	assert_one_range(&set, 0, 100);
}

static void test_edges_of_the_address_space(void **state)
{
	auto_range_set struct range_set set = { 0 };

	(void)state;
	range_set_add(&set, 0, 1);
	range_set_add(&set, UINT64_MAX - 1, UINT64_MAX);
	assert_int_equal(set.nr, 2);
	assert_true(range_set_contains(&set, 0, 1));
	assert_true(range_set_contains(&set, UINT64_MAX - 1, UINT64_MAX));
	assert_false(range_set_contains(&set, 0, 2));
	range_set_add(&set, 1, UINT64_MAX - 1);
	assert_one_range(&set, 0, UINT64_MAX);
	assert_int_equal(range_set_bytes(&set), UINT64_MAX);
	range_set_remove(&set, 1, UINT64_MAX);
	assert_one_range(&set, 0, 1);
}

static void test_empty_ranges_do_nothing(void **state)
{
	auto_range_set struct range_set set = { 0 }, empty = { 0 }, result = { 0 };

	(void)state;
	assert_int_equal(range_set_add(&set, 5, 5), 0);
	assert_int_equal(range_set_add(&set, 6, 5), 0);
	assert_int_equal(set.nr, 0);
	assert_int_equal(range_set_find(&set, 0), 0);
	assert_int_equal(range_set_bytes(&set), 0);
	assert_int_equal(range_set_remove(&set, 0, 10), 0);
	range_set_add(&set, 1, 3);
	range_set_remove(&set, 2, 2);
	assert_one_range(&set, 1, 3);
	assert_int_equal(range_set_intersect(&set, &empty, &result), 0);
	assert_int_equal(result.nr, 0);
	assert_int_equal(range_set_subtract(&set, &empty, &result), 0);
	assert_one_range(&result, 1, 3);
}

static void test_removal_splits(void **state)
{
	auto_range_set struct range_set set = { 0 };

	(void)state;
	range_set_add(&set, 10, 40);
	range_set_remove(&set, 20, 30);
	assert_int_equal(set.nr, 2);
	assert_true(range_set_contains(&set, 10, 20));
	assert_true(range_set_contains(&set, 30, 40));
	assert_false(range_set_contains(&set, 19, 21));
	range_set_free(&set);
	assert_int_equal(set.nr, 0);
	assert_null(set.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_match_the_model),
		cmocka_unit_test(test_intersect_and_subtract_match_the_model),
		cmocka_unit_test(test_neighbours_merge),
		cmocka_unit_test(test_edges_of_the_address_space),
		cmocka_unit_test(test_empty_ranges_do_nothing),
		cmocka_unit_test(test_removal_splits),
	};

	random_state = SEED;
	printf("seed %u\n", SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
