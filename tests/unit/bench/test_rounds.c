/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rounds.h"

static struct pst_round_log *
log_of(const struct pst_stretch *stretches, uint32_t n)
{
	struct pst_round_log *log = calloc(1, sizeof(*log));

	assert_non_null(log);
	if (n > 0)
		memcpy(log->stretches, stretches, n * sizeof(*stretches));
	log->n_stretches = n;
	log->n = n == 0 ? 0 : stretches[n - 1].end;
	for (uint32_t i = 0; i < log->n; i++)
		log->ticks[i] = i;
	return log;
}

static void
what_follows_a_taken_stretch_does_not_count_either(void **state)
{
	static const struct pst_stretch stretches[] = {
		{ .end = 1 },
		{ .end = 2, .waits = true },
		{ .end = 3, .taken = true },
		{ .end = 4, .waits = true },
		{ .end = 5 },
		{ .end = 6, .waits = true },
		{ .end = 7 },
	};
	static const bool quiet[1] = { true };
	struct pst_round_log *log = log_of(stretches, RTE_DIM(stretches));
	uint32_t ticks[RTE_DIM(stretches)], all = 0, left = 0;

	(void)state;
	assert_int_equal(pst_rounds_gather(log, PST_ROUNDS_LOOP, quiet, 1, ticks), 2);
	assert_true(ticks[0] == 0 && ticks[1] == 6);
	assert_int_equal(pst_rounds_gather(log, PST_ROUNDS_IDLE, quiet, 1, ticks), 2);
	assert_true(ticks[0] == 1 && ticks[1] == 5);
	assert_int_equal(pst_rounds_gather(log, PST_ROUNDS_EVERY, quiet, 1, ticks), 4);
	pst_rounds_count(log, quiet, 1, &all, &left);
	assert_true(all == 4 && left == 2);
	free(log);
}

static void
only_quiet_windows_count(void **state)
{
	static const struct pst_stretch stretches[] = {
		{ .end = 2, .window = 0 },
		{ .end = 3, .window = 1 },
		{ .end = 5, .window = 2 },
	};
	static const bool quiet[2] = { false, true };
	struct pst_round_log *log = log_of(stretches, RTE_DIM(stretches));
	uint32_t ticks[5];

	(void)state;
	assert_int_equal(pst_rounds_gather(log, PST_ROUNDS_EVERY, quiet, 2, ticks), 1);
	assert_int_equal(ticks[0], 2);
	free(log);
}

static void
a_thread_that_sleeps_has_lost_its_cpu(void **state)
{
	struct pst_round_log *log = log_of(NULL, 0);

	(void)state;
	pst_rounds_begin(log);
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	pst_rounds_next(log);
	pst_rounds_end(log, 3, false);
	assert_int_equal(log->n_stretches, 1);
	assert_true(log->stretches[0].taken);
	assert_int_equal(log->stretches[0].window, 3);
	free(log);
}

/* Within thousands of stretches of some microseconds there is one that nothing interrupts. */
static void
a_thread_that_runs_has_not(void **state)
{
	struct pst_round_log *log = log_of(NULL, 0);
	bool taken = true;

	(void)state;
	for (int i = 0; taken && i < 10000; i++) {
		pst_rounds_begin(log);
		pst_rounds_next(log);
		pst_rounds_end(log, 0, false);
		taken = log->stretches[log->n_stretches - 1].taken;
	}
	assert_false(taken);
	free(log);
}

static void
waits_are_as_long_as_the_shorter_of_two(void **state)
{
	static const struct pst_stretch stretches[] = { { .end = 3 } };
	struct pst_round_log *log = log_of(stretches, 1);

	(void)state;
	log->ticks[0] = 900000;
	log->ticks[1] = 70000;
	log->ticks[2] = 80000;
	pst_rounds_wait(log, 5);
	assert_int_equal(log->n_stretches, 2);
	assert_int_equal(log->n, 3 + PST_ROUNDS_WAITS);
	for (uint32_t i = 3; i < log->n; i++)
		assert_true(log->ticks[i] >= 70000);
	assert_true(log->stretches[1].waits && log->stretches[1].window == 5);
	free(log);
}

static void
a_log_that_is_full_stays_as_it_is(void **state)
{
	struct pst_round_log *log = log_of(NULL, 0);

	(void)state;
	log->n = PST_ROUNDS_MOST;
	log->n_stretches = PST_ROUNDS_STRETCHES;
	pst_rounds_begin(log);
	pst_rounds_next(log);
	pst_rounds_end(log, 0, false);
	assert_int_equal(log->n, PST_ROUNDS_MOST);
	assert_int_equal(log->n_stretches, PST_ROUNDS_STRETCHES);
	free(log);
}

static void
quantiles_are_of_all(void **state)
{
	uint32_t ticks[1001];
	struct pst_rounds sum;

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(ticks); i++)
		ticks[i] = 1000 - i;
	pst_rounds_sum(ticks, RTE_DIM(ticks), &sum);
	assert_true(sum.n == 1001 && sum.p50 == 500 && sum.p99 == 990 && sum.p999 == 999);
	assert_true(sum.p9999 == 1000 && sum.max == 1000);
	pst_rounds_sum(ticks, 0, &sum);
	assert_true(sum.n == 0 && sum.max == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_a_taken_stretch_does_not_count_either),
		cmocka_unit_test(only_quiet_windows_count),
		cmocka_unit_test(a_thread_that_sleeps_has_lost_its_cpu),
		cmocka_unit_test(a_thread_that_runs_has_not),
		cmocka_unit_test(waits_are_as_long_as_the_shorter_of_two),
		cmocka_unit_test(a_log_that_is_full_stays_as_it_is),
		cmocka_unit_test(quantiles_are_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
