/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
counts_are_given_when_all_quiet_windows_have_them(void **state)
{
	static const struct pst_window windows[] = {
		{ .packets = 100, .probe_ns = 4000, .counted = true,
			.counts = { { 900, 50, 7 } } },
		{ .packets = 200, .probe_ns = 4000, .counted = true,
			.counts = { { 200, 400, 6 } } },
		{ .packets = 100, .probe_ns = 4000, .counted = true,
			.counts = { { 500, 300, 1 } } },
	};
	struct pst_meter *meters[1] = { meter_of(windows, 3) };
	struct pst_summary sum;

	(void)state;
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_true(sum.counted);
	assert_true(sum.counts[PST_COUNT_CYCLES] == 5 && sum.counts[PST_COUNT_INSTRUCTIONS] == 2);
	assert_true(sum.counts[PST_COUNT_MISSES] == 0.03);
	meters[0]->windows[1].counted = false;
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_false(sum.counted);
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
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 9000 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
		{ .cpu_ns = 1000, .packets = 100, .probe_ns = 4000 },
	};
	/* in quiet windows, in others and their neighbours, and in one that did not end */
	static const uint32_t ticks[] = { 30, 10, 20, 100, 101, 900, 901, 902, 50, 40, 102, 904 };
	static const struct pst_stretch stretches[] = {
		{ .end = 3, .window = 0 },
		{ .end = 5, .window = 0, .waits = true },
		{ .end = 6, .window = 1 },
		{ .end = 7, .window = 2 },
		{ .end = 8, .window = 3 },
		{ .end = 10, .window = 4 },
		{ .end = 11, .window = 4, .waits = true },
		{ .end = 12, .window = 5 },
	};
	struct pst_meter *meters[1] = { meter_of(windows, 5) };
	struct pst_round_log *log = &meters[0]->rounds;
	struct pst_summary sum;

	(void)state;
	memcpy(log->ticks, ticks, sizeof(ticks));
	memcpy(log->stretches, stretches, sizeof(stretches));
	log->n = RTE_DIM(ticks);
	log->n_stretches = RTE_DIM(stretches);
	assert_int_equal(pst_meter_sum(meters, 1, &sum), 0);
	assert_int_equal(sum.kept, 2);
	assert_int_equal(sum.loop.n, 5);
	assert_int_equal(sum.loop.p50, 30);
	assert_int_equal(sum.loop.max, 50);
	assert_int_equal(sum.every.n, 5);
	assert_int_equal(sum.idle.n, 3);
	assert_int_equal(sum.idle.max, 102);
	assert_int_equal(sum.stretches, 2);
	assert_int_equal(sum.left, 2);
	free(meters[0]);
}

static void
spin(uint64_t ticks)
{
	uint64_t start = rte_rdtsc();

	while (rte_rdtsc() - start < ticks)
		;
}

static void
a_round_is_from_one_call_to_the_next(void **state)
{
	struct pst_meter *meter = pst_meter_create();

	(void)state;
	assert_non_null(meter);
	pst_meter_loop(meter, 64); /* opens */
	assert_int_equal(meter->rounds.n, 0);
	spin(100000);
	pst_meter_add(meter, 64);
	pst_meter_loop(meter, 64);
	assert_int_equal(meter->rounds.n, 1);
	assert_true(meter->rounds.ticks[0] >= 100000);
	assert_int_equal(meter->count, 1);
	assert_int_equal(meter->rounds.n_stretches, 1);
	assert_int_equal(meter->rounds.stretches[0].end, 1);
	free(meter);
}

/* Until the meter has waited, which it does behind a stretch of two rounds or more. */
static void
waits_within_a_window_are_no_part_of_it(void **state)
{
	struct pst_meter *meter = pst_meter_create();
	const struct pst_round_log *log = &meter->rounds;
	uint64_t start, waited = 0;

	(void)state;
	assert_non_null(meter);
	meter->rounds.stretch_ticks = 400000;
	pst_meter_loop(meter, 64);
	start = meter->tsc_start;
	while (log->n_stretches == 0 || !log->stretches[log->n_stretches - 1].waits) {
		spin(log->stretch_ticks / 4);
		pst_meter_loop(meter, 64);
	}
	for (uint32_t i = log->n - PST_ROUNDS_WAITS; i < log->n; i++)
		waited += log->ticks[i];
	assert_int_equal(meter->count, 0);
	assert_true(waited >= PST_ROUNDS_WAITS * log->stretch_ticks / 4);
	assert_true(meter->tsc_start >= start + waited);
	free(meter);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disturbed_windows_are_left_out_with_their_neighbours),
		cmocka_unit_test(all_disturbed_gives_figures_of_all),
		cmocka_unit_test(counts_are_given_when_all_quiet_windows_have_them),
		cmocka_unit_test(no_windows_give_no_figures),
		cmocka_unit_test(a_window_closes_when_it_is_full),
		cmocka_unit_test(the_last_window_is_never_overrun),
		cmocka_unit_test(rounds_of_disturbed_windows_do_not_count),
		cmocka_unit_test(a_round_is_from_one_call_to_the_next),
		cmocka_unit_test(waits_within_a_window_are_no_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
