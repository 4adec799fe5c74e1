/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/latency.h"

#define HZ UINT64_C(2600000000)

static void
bounds_rise(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < PST_LATENCY_BOUNDS; i++)
		assert_true(pst_latency_bounds_ns[i] > pst_latency_bounds_ns[i - 1]);
}

/* Each bound is its own bucket's, and what is a tick longer is the next one's. */
static void
a_bound_is_included(void **state)
{
	struct pst_latency l;

	(void)state;
	for (uint32_t i = 0; i < PST_LATENCY_BOUNDS; i++) {
		uint64_t ticks = (__uint128_t)pst_latency_bounds_ns[i] * HZ / 1000000000;

		pst_latency_init(&l, HZ);
		pst_latency_note(&l, ticks);
		pst_latency_note(&l, ticks + 1);
		assert_int_equal(l.counts[i], 1);
		assert_int_equal(l.counts[i + 1], 1);
		assert_int_equal(l.ticks, 2 * ticks + 1);
	}
}

static void
the_ends_are_counted_too(void **state)
{
	struct pst_latency l;

	(void)state;
	pst_latency_init(&l, HZ);
	pst_latency_note(&l, 0);
	pst_latency_note(&l, UINT64_MAX / 2);
	assert_int_equal(l.counts[0], 1);
	assert_int_equal(l.counts[PST_LATENCY_BOUNDS], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_rise),
		cmocka_unit_test(a_bound_is_included),
		cmocka_unit_test(the_ends_are_counted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
