/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker's loop says of its time, through a whole appliance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "box.h"
#include "eal.h"

#define LOOPS 6400 /* one in 32 to 95 is timed */

static void
one_loop_in_64_or_so_is_timed(void **state)
{
	const struct pst_worker_stats *s;
	struct pst_config c;
	static struct box b;
	uint64_t before, loops;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	s = pst_worker_stats(b.a->workers[0]);
	loops = s->loops;
	before = s->timed_loops;
	for (int i = 0; i < LOOPS; i++)
		pst_worker_poll(b.a->workers[0], b.now_ms);
	assert_int_equal(s->loops - loops, LOOPS);
	assert_in_range(s->timed_loops - before, LOOPS * 9 / 10 / 64, LOOPS * 11 / 10 / 64);
	box_fini(&b);
}

static uint64_t
sum_of(const struct pst_worker_stats *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < PST_STAGES; i++)
		sum += s->stage_ticks[i];
	return sum;
}

/* A loop that is not timed adds nothing; one that is adds what went by, at the most. */
static void
stages_add_up_to_the_loop(void **state)
{
	const struct pst_worker_stats *s;
	struct pst_config c;
	static struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	s = pst_worker_stats(b.a->workers[0]);
	for (int i = 0; i < LOOPS; i++) {
		uint64_t timed = s->timed_loops, before = sum_of(s), start = rte_rdtsc(), passed;

		pst_worker_poll(b.a->workers[0], b.now_ms);
		passed = rte_rdtsc() - start;
		if (s->timed_loops == timed)
			assert_int_equal(sum_of(s), before);
		else
			assert_in_range(sum_of(s) - before, 1, passed);
	}
	box_fini(&b);
}

/* As its lcore would: what it does then is checked to be a worker's. */
static void
poll_as_worker(struct box *b)
{
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	pst_worker_poll(b->a->workers[0], b->now_ms);
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
}

/* Of the timed loops' ticks, those are busy in which something was done. */
static void
only_loops_with_work_are_busy(void **state)
{
	const struct pkt unasked = pkt_udp(IP(198, 18, 0, 9), 53, IP(198, 18, 0, 1), 2000);
	const struct pst_worker_stats *s;
	struct pst_config c;
	static struct box b;
	uint64_t before;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	s = pst_worker_stats(b.a->workers[0]);
	box_settle(&b);
	before = s->busy_ticks;
	for (int i = 0; i < LOOPS; i++)
		pst_worker_poll(b.a->workers[0], b.now_ms);
	assert_int_equal(s->busy_ticks, before);
	for (int i = 0; i < LOOPS; i++) {
		uint64_t busy = s->busy_ticks, ticks = sum_of(s);

		box_put(&b, BOX_OUTSIDE, &unasked);
		poll_as_worker(&b);
		assert_int_equal(s->busy_ticks - busy, sum_of(s) - ticks);
	}
	assert_true(s->busy_ticks > before);
	box_fini(&b);
}

static void
what_there_can_be_is_told(void **state)
{
	const struct pst_worker_stats *s;
	struct pst_config c;
	static struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	s = pst_worker_stats(b.a->workers[0]);
	assert_int_equal(s->connections_most, c.nat.sessions);
	assert_true(s->binds_most > 0 && s->listeners_most > 0 && s->clients_most > 0);
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(256);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_loop_in_64_or_so_is_timed),
		cmocka_unit_test(stages_add_up_to_the_loop),
		cmocka_unit_test(only_loops_with_work_are_busy),
		cmocka_unit_test(what_there_can_be_is_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
