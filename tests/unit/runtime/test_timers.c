/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "base/rng.h"
#include "runtime/timers.h"

#define TIMERS 500
#define ALL UINT32_MAX

struct clock {
	struct timers timers;
	struct timer timer[TIMERS];
	uint64_t due[TIMERS], now;
	uint32_t fired[TIMERS];
};

static void
init(struct clock *c)
{
	memset(c, 0, sizeof(*c));
	timers_init(&c->timers);
	for (int i = 0; i < TIMERS; i++)
		timer_init(&c->timer[i]);
}

static void
set(struct clock *c, uint32_t i, uint64_t at)
{
	c->due[i] = at;
	timers_set(&c->timers, &c->timer[i], at);
}

/* Early visits are armed again; late ones are not to happen. */
static void
visit(struct timer *timer, void *ctx)
{
	struct clock *c = ctx;
	uint32_t i = timer - c->timer;

	assert_true(c->due[i] != TIMERS_NEVER);
	if (c->now < c->due[i]) {
		timers_set(&c->timers, timer, c->due[i]);
		return;
	}
	assert_true(c->now <= c->due[i] + 2 * TIMERS_SLOT_MS);
	c->due[i] = TIMERS_NEVER;
	c->fired[i]++;
}

static void
pass(struct clock *c, uint64_t until)
{
	while (c->now < until) {
		c->now++;
		timers_poll(&c->timers, c->now, ALL, visit, c);
	}
}

static void
each_fires_once_and_in_time(void **state)
{
	static struct clock c;
	struct pst_rng rng;

	(void)state;
	init(&c);
	pst_rng_init(&rng, 1);
	pass(&c, 12345);
	for (uint32_t i = 0; i < TIMERS; i++)
		set(&c, i, c.now + pst_rng_below(&rng, 70000)); /* many turns of the wheel */
	pass(&c, c.now + 70100);
	for (uint32_t i = 0; i < TIMERS; i++)
		assert_int_equal(c.fired[i], 1);
}

static void
set_again_moves_and_never_cancels(void **state)
{
	static struct clock c;

	(void)state;
	init(&c);
	set(&c, 0, 500);
	set(&c, 1, 500);
	set(&c, 2, 3000);
	pass(&c, 100);
	set(&c, 0, TIMERS_NEVER);
	set(&c, 0, TIMERS_NEVER);
	set(&c, 1, 900);
	set(&c, 2, 200);
	pass(&c, 600);
	assert_int_equal(c.fired[0] + c.fired[1], 0);
	assert_int_equal(c.fired[2], 1);
	pass(&c, 5000);
	assert_int_equal(c.fired[0], 0);
	assert_int_equal(c.fired[1], 1);
}

static void
a_round_is_bounded_and_the_next_goes_on(void **state)
{
	static struct clock c;

	(void)state;
	init(&c);
	for (uint32_t i = 0; i < 10; i++)
		set(&c, i, 16);
	c.now = 24;
	assert_int_equal(timers_poll(&c.timers, c.now, 4, visit, &c), 4);
	assert_int_equal(timers_poll(&c.timers, c.now, 4, visit, &c), 4);
	assert_int_equal(timers_poll(&c.timers, c.now, 4, visit, &c), 2);
	assert_int_equal(timers_poll(&c.timers, c.now, 4, visit, &c), 0);
}

/* One that is due again at once waits for the next slot: no round without end. */
static void
again(struct timer *timer, void *ctx)
{
	struct clock *c = ctx;

	c->fired[0]++;
	timers_set(&c->timers, timer, c->now);
}

static void
what_is_always_due_does_not_hold_the_round(void **state)
{
	static struct clock c;

	(void)state;
	init(&c);
	set(&c, 0, 8);
	c.now = 80;
	assert_true(timers_poll(&c.timers, c.now, ALL, again, &c) <= 10);
	assert_int_equal(timers_poll(&c.timers, c.now, ALL, again, &c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fires_once_and_in_time),
		cmocka_unit_test(set_again_moves_and_never_cancels),
		cmocka_unit_test(a_round_is_bounded_and_the_next_goes_on),
		cmocka_unit_test(what_is_always_due_does_not_hold_the_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
