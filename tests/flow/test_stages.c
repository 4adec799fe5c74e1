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

#define TIMED 61 /* one loop in so many */

static void
one_loop_in_61_is_timed(void **state)
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
	for (int i = 0; i < 10 * TIMED; i++)
		pst_worker_poll(b.a->workers[0], b.now_ms);
	assert_int_equal(s->loops - loops, 10 * TIMED);
	assert_int_equal(s->timed_loops - before, 10);
	box_fini(&b);
}

/* All of a timed loop is some stage's, and no more than went by. */
static void
stages_add_up_to_the_loop(void **state)
{
	uint64_t start, passed, sum = 0, before[PST_STAGES];
	const struct pst_worker_stats *s;
	struct pst_config c;
	static struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	s = pst_worker_stats(b.a->workers[0]);
	while (s->loops % TIMED != TIMED - 1)
		pst_worker_poll(b.a->workers[0], b.now_ms);
	for (int i = 0; i < PST_STAGES; i++)
		before[i] = s->stage_ticks[i];
	start = rte_rdtsc_precise();
	pst_worker_poll(b.a->workers[0], b.now_ms);
	passed = rte_rdtsc_precise() - start;
	for (int i = 0; i < PST_STAGES; i++) {
		assert_true(s->stage_ticks[i] >= before[i]);
		sum += s->stage_ticks[i] - before[i];
	}
	assert_in_range(sum, 1, passed);
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
		cmocka_unit_test(one_loop_in_61_is_timed),
		cmocka_unit_test(stages_add_up_to_the_loop),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
