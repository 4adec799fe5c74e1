/* SPDX-License-Identifier: BSD-3-Clause */
/* The address sets, against a bitmap of the first and the last addresses there are. */
#include "filter/ipfilter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "base/rng.h"

#define HALF 64
#define SPACE (2 * HALF)

/* Places 0..63 are the lowest addresses, 64..127 the highest. */
static uint32_t
address(uint32_t place)
{
	return place < HALF ? place : UINT32_MAX - (SPACE - 1 - place);
}

static void
assert_canonical(const struct pst_ipfilter *filter)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < pst_ipfilter_count(filter); i++) {
		uint32_t first, last;

		pst_ipfilter_range(filter, i, &first, &last);
		assert_true(first <= last);
		if (i > 0)
			assert_true(first > before && first - before >= 2);
		before = last;
	}
}

static void
assert_model(const struct pst_ipfilter *filter, const bool *model, bool middle)
{
	struct pst_ipset *set = pst_ipset_create(filter);

	for (uint32_t i = 0; i < SPACE; i++) {
		assert_int_equal(pst_ipfilter_is_included(filter, address(i)), model[i]);
		assert_int_equal(pst_ipset_has(set, address(i)), model[i]);
	}
	assert_int_equal(pst_ipfilter_is_included(filter, 0x80000000), middle);
	assert_int_equal(pst_ipset_count(set), pst_ipfilter_count(filter));
	pst_ipset_unref(set);
}

static void
random_edits_match_the_bitmap(void **state)
{
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 7);
	for (int round = 0; round < 300; round++) {
		struct pst_ipfilter *filter = pst_ipfilter_create();
		bool model[SPACE] = { false }, middle = false;

		for (int step = 0; step < 60; step++) {
			uint32_t a = pst_rng_below(&rng, SPACE);
			uint32_t b = a + pst_rng_below(&rng, step % 9 == 0 ? SPACE - a : 4);
			bool add = pst_rng_below(&rng, 2) == 0;

			b = b < SPACE ? b : SPACE - 1;
			assert_int_equal((add ? pst_ipfilter_include : pst_ipfilter_exclude)(
						 filter, address(a), address(b)),
				0);
			for (uint32_t i = a; i <= b; i++)
				model[i] = add;
			if (a < HALF && b >= HALF)
				middle = add;
			assert_canonical(filter);
			assert_model(filter, model, middle);
		}
		pst_ipfilter_destroy(filter);
	}
}

static void
null_is_everybody_and_no_ranges_nobody(void **state)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_ipset *set = pst_ipset_create(filter);

	(void)state;
	assert_true(pst_ipfilter_is_included(NULL, 0));
	assert_true(pst_ipset_has(NULL, UINT32_MAX));
	assert_false(pst_ipfilter_is_included(filter, 0));
	assert_false(pst_ipset_has(set, UINT32_MAX));
	pst_ipset_unref(set);
	pst_ipset_unref(NULL);
	assert_null(pst_ipset_ref(NULL));
	pst_ipfilter_destroy(filter);
	pst_ipfilter_destroy(NULL);
}

static void
all_addresses_are_one_range(void **state)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	uint32_t first, last;

	(void)state;
	assert_int_equal(pst_ipfilter_include(filter, 1, UINT32_MAX), 0);
	assert_int_equal(pst_ipfilter_include(filter, 0, 0), 0);
	assert_int_equal(pst_ipfilter_count(filter), 1);
	pst_ipfilter_range(filter, 0, &first, &last);
	assert_int_equal(first, 0);
	assert_int_equal(last, UINT32_MAX);
	assert_int_equal(pst_ipfilter_exclude(filter, 0, UINT32_MAX), 0);
	assert_int_equal(pst_ipfilter_count(filter), 0);
	pst_ipfilter_destroy(filter);
}

static void
backward_ranges_are_refused(void **state)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();

	(void)state;
	assert_int_equal(pst_ipfilter_include(filter, 2, 1), -EINVAL);
	assert_int_equal(pst_ipfilter_exclude(filter, 2, 1), -EINVAL);
	assert_int_equal(pst_ipfilter_count(filter), 0);
	pst_ipfilter_destroy(filter);
}

static void
clones_and_sets_do_not_follow_later_edits(void **state)
{
	struct pst_ipfilter *filter = pst_ipfilter_create(), *clone;
	struct pst_ipset *set;
	uint32_t first, last;

	(void)state;
	assert_int_equal(pst_ipfilter_include(filter, 10, 20), 0);
	clone = pst_ipfilter_clone(filter);
	set = pst_ipset_create(filter);
	assert_int_equal(pst_ipfilter_exclude(filter, 10, 20), 0);
	pst_ipfilter_destroy(filter);
	assert_true(pst_ipfilter_is_included(clone, 15));
	assert_ptr_equal(pst_ipset_ref(set), set);
	pst_ipset_unref(set);
	pst_ipset_ref_many(set, 2);
	pst_ipset_unref(set);
	pst_ipset_unref(set);
	assert_true(pst_ipset_has(set, 20));
	assert_false(pst_ipset_has(set, 21));
	pst_ipset_range(set, 0, &first, &last);
	assert_int_equal(first, 10);
	assert_int_equal(last, 20);
	pst_ipset_unref(set);
	pst_ipfilter_destroy(clone);
}

static struct pst_ipset *
set_of(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_ipset *set;

	assert_int_equal(pst_ipfilter_include(filter, a, b), 0);
	assert_int_equal(pst_ipfilter_include(filter, c, d), 0);
	set = pst_ipset_create(filter);
	pst_ipfilter_destroy(filter);
	return set;
}

static void
a_union_covers_both_and_no_more(void **state)
{
	struct pst_ipset *a = set_of(10, 20, 40, 50), *b = set_of(21, 25, 45, 60);
	struct pst_ipset *both = pst_ipset_union(a, b);

	(void)state;
	for (uint32_t ip = 0; ip < 70; ip++)
		assert_int_equal(
			pst_ipset_has(both, ip), pst_ipset_has(a, ip) || pst_ipset_has(b, ip));
	assert_true(pst_ipset_covers(both, a) && pst_ipset_covers(both, b));
	assert_true(pst_ipset_covers(a, a));
	assert_false(pst_ipset_covers(a, b) || pst_ipset_covers(b, a));
	assert_false(pst_ipset_covers(a, both) || pst_ipset_covers(b, both));
	pst_ipset_unref(a);
	pst_ipset_unref(b);
	pst_ipset_unref(both);
}

static void
null_and_all_addresses_cover_each_other(void **state)
{
	struct pst_ipset *all = set_of(0, 99, 100, UINT32_MAX), *most = set_of(0, 99, 101, UINT32_MAX);

	(void)state;
	assert_true(pst_ipset_covers(NULL, NULL) && pst_ipset_covers(NULL, most));
	assert_true(pst_ipset_covers(NULL, all) && pst_ipset_covers(all, NULL));
	assert_false(pst_ipset_covers(most, NULL) || pst_ipset_covers(most, all));
	pst_ipset_unref(all);
	pst_ipset_unref(most);
}

static void
a_hundred_thousand_ranges_in_random_order(void **state)
{
	enum { N = 100000 };
	struct pst_ipfilter *filter = pst_ipfilter_create();
	uint32_t *order = malloc(N * sizeof(*order));
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 3);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t j = pst_rng_below(&rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(
			pst_ipfilter_include(filter, order[i] * 4, order[i] * 4 + 1), 0);
	assert_int_equal(pst_ipfilter_count(filter), N);
	assert_canonical(filter);
	for (uint32_t ip = 0; ip < 4 * N; ip++)
		assert_int_equal(pst_ipfilter_is_included(filter, ip), ip % 4 < 2);
	free(order);
	pst_ipfilter_destroy(filter);
}

/* Two filters and their bitmaps; the places around the middle of the space count for it. */
struct pair {
	struct pst_ipfilter *filter;
	bool model[SPACE], middle;
};

static void
random_pair(struct pair *p, struct pst_rng *rng)
{
	*p = (struct pair){ .filter = pst_ipfilter_create() };
	for (uint32_t n = pst_rng_below(rng, 12); n > 0; n--) {
		uint32_t a = pst_rng_below(rng, SPACE);
		uint32_t b = RTE_MIN(a + pst_rng_below(rng, n % 5 == 0 ? SPACE : 6), SPACE - 1u);
		bool add = pst_rng_below(rng, 3) != 0;

		assert_int_equal((add ? pst_ipfilter_include : pst_ipfilter_exclude)(
					 p->filter, address(a), address(b)),
			0);
		for (uint32_t i = a; i <= b; i++)
			p->model[i] = add;
		if (a < HALF && b >= HALF)
			p->middle = add;
	}
}

static bool
is_same_model(const struct pair *a, const struct pair *b)
{
	return memcmp(a->model, b->model, sizeof(a->model)) == 0 && a->middle == b->middle;
}

static void
whole_sets_match_the_bitmap(void **state)
{
	const char *cases = getenv("PST_CASES");
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 11);
	for (long n = cases != NULL ? atol(cases) : 20000; n > 0; n--) {
		struct pst_ipfilter *clone;
		struct pair a, b;
		bool add = pst_rng_below(&rng, 2) == 0;

		random_pair(&a, &rng);
		random_pair(&b, &rng);
		clone = pst_ipfilter_clone(a.filter);
		assert_true(pst_ipfilter_is_equal(a.filter, clone));
		assert_int_equal(
			pst_ipfilter_is_equal(a.filter, b.filter), is_same_model(&a, &b));
		assert_int_equal((add ? pst_ipfilter_include_filter : pst_ipfilter_exclude_filter)(
					 a.filter, b.filter),
			0);
		for (uint32_t i = 0; i < SPACE; i++)
			a.model[i] = add ? a.model[i] || b.model[i] : a.model[i] && !b.model[i];
		a.middle = add ? a.middle || b.middle : a.middle && !b.middle;
		assert_canonical(a.filter);
		assert_model(a.filter, a.model, a.middle);
		assert_canonical(b.filter);
		assert_model(b.filter, b.model, b.middle);
		pst_ipfilter_destroy(clone);
		pst_ipfilter_destroy(a.filter);
		pst_ipfilter_destroy(b.filter);
	}
}

static void
a_filter_goes_with_itself_and_with_everybody(void **state)
{
	struct pst_ipfilter *filter = pst_ipfilter_create(), *all = pst_ipfilter_create();

	(void)state;
	assert_int_equal(pst_ipfilter_include(filter, 5, 9), 0);
	assert_int_equal(pst_ipfilter_include_filter(filter, filter), 0);
	assert_int_equal(pst_ipfilter_count(filter), 1);
	assert_false(pst_ipfilter_is_equal(filter, NULL));
	assert_int_equal(pst_ipfilter_exclude_filter(filter, filter), 0);
	assert_int_equal(pst_ipfilter_count(filter), 0);
	assert_int_equal(pst_ipfilter_include_filter(filter, NULL), 0);
	assert_int_equal(pst_ipfilter_include(all, 0, UINT32_MAX), 0);
	assert_true(pst_ipfilter_is_equal(filter, all));
	assert_true(pst_ipfilter_is_equal(filter, NULL));
	assert_true(pst_ipfilter_is_equal(NULL, NULL));
	assert_int_equal(pst_ipfilter_exclude_filter(filter, NULL), 0);
	assert_int_equal(pst_ipfilter_count(filter), 0);
	assert_false(pst_ipfilter_is_equal(filter, NULL));
	pst_ipfilter_destroy(all);
	pst_ipfilter_destroy(filter);
}

/* In rising and in random order, united with as many beside them, and taken away again. */
static void
a_hundred_thousand_ranges_are_usable(void **state)
{
	const uint32_t n = 100000, step = 40000;
	struct pst_ipfilter *even = pst_ipfilter_create(), *odd = pst_ipfilter_create(), *copy;
	uint32_t first, last;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		/* 61 and n have no common factor: each place once */
		uint32_t k = (uint64_t)i * 61 % n;

		assert_int_equal(pst_ipfilter_include(even, i * step, i * step + 9), 0);
		assert_int_equal(pst_ipfilter_include(odd, k * step + 20, k * step + 29), 0);
	}
	copy = pst_ipfilter_clone(even);
	assert_int_equal(pst_ipfilter_include_filter(even, odd), 0);
	assert_int_equal(pst_ipfilter_count(even), 2 * n);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(pst_ipfilter_is_included(even, i * step + 9));
		assert_false(pst_ipfilter_is_included(even, i * step + 10));
		assert_true(pst_ipfilter_is_included(even, i * step + 20));
	}
	pst_ipfilter_range(even, 2 * n - 1, &first, &last);
	assert_int_equal(first, (n - 1) * step + 20);
	assert_int_equal(pst_ipfilter_exclude_filter(even, odd), 0);
	assert_true(pst_ipfilter_is_equal(even, copy));
	pst_ipfilter_destroy(copy);
	pst_ipfilter_destroy(even);
	pst_ipfilter_destroy(odd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_sets_match_the_bitmap),
		cmocka_unit_test(a_filter_goes_with_itself_and_with_everybody),
		cmocka_unit_test(a_hundred_thousand_ranges_are_usable),
		cmocka_unit_test(random_edits_match_the_bitmap),
		cmocka_unit_test(null_is_everybody_and_no_ranges_nobody),
		cmocka_unit_test(all_addresses_are_one_range),
		cmocka_unit_test(backward_ranges_are_refused),
		cmocka_unit_test(clones_and_sets_do_not_follow_later_edits),
		cmocka_unit_test(a_union_covers_both_and_no_more),
		cmocka_unit_test(null_and_all_addresses_cover_each_other),
		cmocka_unit_test(a_hundred_thousand_ranges_in_random_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
