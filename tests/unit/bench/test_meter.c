/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meter.h"

static struct pst_meter *
meter_of(const struct pst_window *windows, uint32_t n)
{
	struct pst_meter *meter = calloc(1, sizeof(*meter));

	assert_non_null(meter);
	for (uint32_t i = 0; i < n; i++)
		meter->windows[i] = windows[i];
	meter->count = n;
	return meter;
}

static void
disturbed_windows_are_left_out_with_their_neighbours(void **state)
{
	static const struct pst_window windows[] = {
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
		{ .cpu_ns = 1200, .packets = 100, .probe_ns = 4240 },
		{ .cpu_ns = 2000, .packets = 100, .probe_ns = 4100 },
		{ .cpu_ns = 9000, .packets = 100, .probe_ns = 4241 },
		{ .cpu_ns = 2000, .packets = 100, .probe_ns = 4100 },
		{ .cpu_ns = 1100, .packets = 100, .probe_ns = 4100 },
	};
	struct pst_meter *meters[2] = { NULL, meter_of(windows, 6) };
	struct pst_summary sum;

	(void)state;
	assert_int_equal(pst_meter_sum(meters, 2, &sum), 0);
	assert_int_equal(sum.windows, 6);
	assert_int_equal(sum.kept, 3);
	assert_int_equal(sum.packets, 600);
	assert_int_equal(sum.probe_quiet_ns, 4000);
	assert_true(sum.ns_min == 10 && sum.ns_median == 11 && sum.ns_max == 12);
	free(meters[1]);
}

static void
all_disturbed_gives_figures_of_all(void **state)
{
	static const struct pst_window windows[] = {
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
		{ .cpu_ns = 1200, .packets = 100, .probe_ns = 9000 },
	};
	struct pst_meter *meters[1] = { meter_of(windows, 2) };
	struct pst_summary sum;

	(void)state;
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_int_equal(sum.kept, 0);
	assert_true(sum.ns_min == 10 && sum.ns_max == 12);
	free(meters[0]);
}

static void
no_windows_give_no_figures(void **state)
{
	struct pst_meter *meters[1] = { meter_of(NULL, 0) };
	struct pst_summary sum;

	(void)state;
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_int_equal(sum.windows, 0);
	assert_true(sum.ns_median == 0);
	free(meters[0]);
}

static void
a_window_closes_when_it_is_full(void **state)
{
	struct pst_meter *meter = meter_of(NULL, 0);

	(void)state;
	pst_meter_note(meter, 32, 64); /* opens */
	assert_true(meter->open);
	pst_meter_note(meter, 32, 64);
	assert_int_equal(meter->count, 0);
	pst_meter_note(meter, 40, 64);
	assert_int_equal(meter->count, 1);
	assert_int_equal(meter->windows[0].packets, 72);
	assert_true(meter->windows[0].probe_ns > 0);
	assert_int_equal(meter->packets, 0);
	free(meter);
}

static void
the_last_window_is_never_overrun(void **state)
{
	struct pst_meter *meter = meter_of(NULL, 0);

	(void)state;
	meter->open = true;
	meter->count = PST_METER_WINDOWS;
	pst_meter_note(meter, 64, 64);
	assert_int_equal(meter->count, PST_METER_WINDOWS);
	free(meter);
}

static void
rounds_of_disturbed_windows_do_not_count(void **state)
{
	static const struct pst_window windows[] = {
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000, .loops = 3 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000, .loops = 5 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 9000, .loops = 6 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000, .loops = 7 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000, .loops = 9 },
	};
	/* in quiet windows, in others and their neighbours, and in one that did not end */
	static const uint32_t ticks[] = { 30, 10, 20, 900, 901, 902, 903, 50, 40, 904 };
	struct pst_meter *meters[1] = { meter_of(windows, 5) };
	struct pst_summary sum;

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(ticks); i++)
		meters[0]->loops[i] = ticks[i];
	meters[0]->n_loops = RTE_DIM(ticks);
	for (uint32_t i = 0; i < 5 * PST_METER_IDLES; i++)
		meters[0]->idles[i] = 100 + i;
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_int_equal(sum.kept, 2);
	assert_int_equal(sum.loop.n, 5);
	assert_int_equal(sum.loop.p50, 30);
	assert_int_equal(sum.loop.p9999, 50);
	assert_int_equal(sum.loop.max, 50);
	assert_int_equal(sum.idle.n, 2 * PST_METER_IDLES);
	assert_int_equal(sum.idle.p50, 100 + 4 * PST_METER_IDLES);
	assert_int_equal(sum.idle.max, 100 + 5 * PST_METER_IDLES - 1);
	free(meters[0]);
}

static void
a_round_is_from_one_call_to_the_next(void **state)
{
	struct pst_meter *meter = pst_meter_create();
	uint64_t start;

	(void)state;
	assert_non_null(meter);
	pst_meter_loop(meter, 64); /* opens */
	assert_int_equal(meter->n_loops, 0);
	start = rte_rdtsc();
	while (rte_rdtsc() - start < 100000)
		;
	pst_meter_add(meter, 64);
	pst_meter_loop(meter, 64);
	assert_int_equal(meter->n_loops, 1);
	assert_true(meter->loops[0] >= 100000);
	assert_int_equal(meter->count, 1);
	assert_int_equal(meter->windows[0].loops, 1);
	/* the probe was behind the one, and is before the next */
	assert_true(meter->loop_start == meter->tsc_start);
	meter->n_loops = PST_METER_LOOPS;
	pst_meter_loop(meter, 64);
	assert_int_equal(meter->n_loops, PST_METER_LOOPS);
	free(meter);
}

static void
idle_rounds_are_as_long_as_the_last(void **state)
{
	struct pst_meter *meter = pst_meter_create();

	(void)state;
	assert_non_null(meter);
	meter->open = true;
	meter->loops[0] = 900000;
	meter->loops[1] = 70000;
	meter->loops[2] = 80000;
	meter->n_loops = 3;
	pst_meter_turn(meter);
	assert_int_equal(meter->count, 1);
	for (uint32_t i = 0; i < PST_METER_IDLES; i++)
		assert_true(meter->idles[i] >= 70000);
	assert_true(meter->tsc_start > 0 && meter->windows[0].loops == 3);
	free(meter);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disturbed_windows_are_left_out_with_their_neighbours),
		cmocka_unit_test(all_disturbed_gives_figures_of_all),
		cmocka_unit_test(no_windows_give_no_figures),
		cmocka_unit_test(a_window_closes_when_it_is_full),
		cmocka_unit_test(the_last_window_is_never_overrun),
		cmocka_unit_test(rounds_of_disturbed_windows_do_not_count),
		cmocka_unit_test(a_round_is_from_one_call_to_the_next),
		cmocka_unit_test(idle_rounds_are_as_long_as_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
