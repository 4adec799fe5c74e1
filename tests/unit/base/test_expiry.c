/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "base/expiry.h"
#include "base/rng.h"
#include "eal.h"

#define ENTRIES 2000

struct model {
	uint64_t due[ENTRIES]; /* 0: not armed */
	uint64_t gone[ENTRIES];
	uint32_t visits;
};

static uint64_t
visit(void *ctx, uint32_t i, uint64_t now)
{
	struct model *m = ctx;

	m->visits++;
	if (m->due[i] > now)
		return m->due[i];
	m->gone[i] = now;
	m->due[i] = 0;
	return PST_EXPIRY_NEVER;
}

/* Entries are armed, refreshed, armed anew and cancelled. */
static void
run_model(struct pst_expiry *e)
{
	static struct model m;
	struct pst_rng rng;

	assert_non_null(e);
	memset(&m, 0, sizeof(m));
	pst_rng_init(&rng, 3);
	for (uint64_t now = 1000; now < 400000; now += 250) {
		for (int k = 0; k < 20; k++) {
			uint32_t i = pst_rng_below(&rng, ENTRIES);
			uint64_t due = now + 1 + pst_rng_below(&rng, 60000);

			switch (pst_rng_below(&rng, 4)) {
			case 0: /* a new one */
				m.due[i] = due;
				pst_expiry_arm(e, i, due);
				break;
			case 1: /* refreshed: nobody tells the wheel */
				if (m.due[i] != 0 && due > m.due[i])
					m.due[i] = due;
				break;
			case 2: /* sooner than was said */
				if (m.due[i] != 0 && due < m.due[i]) {
					m.due[i] = due;
					pst_expiry_arm(e, i, due);
				}
				break;
			default:
				m.due[i] = 0;
				pst_expiry_cancel(e, i);
			}
		}
		pst_expiry_poll(e, now, UINT32_MAX, visit, &m);
		for (int i = 0; i < ENTRIES; i++)
			assert_true(m.due[i] == 0 || m.due[i] + 1000 > now);
	}
	assert_true(m.visits > ENTRIES);
	pst_expiry_destroy(e);
}

static void
an_entry_is_due_within_a_second_of_its_deadline(void **state)
{
	(void)state;
	run_model(pst_expiry_create(ENTRIES, 1000, SOCKET_ID_ANY));
}

/* Nothing of an entry is written but its node. */
static void
so_is_one_that_has_its_node_itself(void **state)
{
	static struct {
		uint64_t before;
		struct pst_expiry_node node;
		uint32_t behind;
	} entries[ENTRIES];

	(void)state;
	run_model(pst_expiry_create_in(
		&entries[0].node, sizeof(entries[0]), ENTRIES, 1000, SOCKET_ID_ANY));
	for (int i = 0; i < ENTRIES; i++)
		assert_true(entries[i].before == 0 && entries[i].behind == 0);
}

static void
a_deadline_beyond_the_wheel_is_kept(void **state)
{
	struct pst_expiry *e = pst_expiry_create(1, 1000, SOCKET_ID_ANY);
	static struct model m;
	const uint64_t due = 30000 * UINT64_C(1000);

	(void)state;
	memset(&m, 0, sizeof(m));
	m.due[0] = due;
	pst_expiry_arm(e, 0, due);
	for (uint64_t now = 1000; m.gone[0] == 0; now += 500) {
		pst_expiry_poll(e, now, 1, visit, &m);
		assert_true(now < due + 2000);
	}
	assert_true(m.gone[0] >= due);
	pst_expiry_destroy(e);
}

static void
a_round_visits_no_more_than_it_may(void **state)
{
	struct pst_expiry *e = pst_expiry_create(ENTRIES, 1000, SOCKET_ID_ANY);
	static struct model m;
	uint32_t total = 0;

	(void)state;
	memset(&m, 0, sizeof(m));
	for (uint32_t i = 0; i < ENTRIES; i++) {
		m.due[i] = 2000;
		pst_expiry_arm(e, i, 2000);
	}
	for (int round = 0; round < ENTRIES / 64 + 1; round++) {
		uint32_t n = pst_expiry_poll(e, 2000, 64, visit, &m);

		assert_true(n <= 64);
		total += n;
	}
	assert_int_equal(total, ENTRIES);
	pst_expiry_destroy(e);
}

struct order {
	uint32_t seen[ENTRIES], n;
};

static uint64_t
note(void *ctx, uint32_t i, uint64_t now)
{
	struct order *order = ctx;

	order->seen[order->n++] = i;
	return i % 3 == 0 ? now + 5000 : PST_EXPIRY_NEVER;
}

static void
a_peek_tells_what_a_round_visits(void **state)
{
	struct pst_expiry *e = pst_expiry_create(ENTRIES, 1000, SOCKET_ID_ANY);
	static struct order order;
	uint32_t next[64], n;
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 5);
	for (uint32_t i = 0; i < ENTRIES; i++)
		pst_expiry_arm(e, i, 2000 + pst_rng_below(&rng, 20) * 1000);
	assert_int_equal(pst_expiry_peek(e, 1999, next, 64), 0);
	assert_int_equal(pst_expiry_peek(e, 2000, next, 0), 0);
	for (uint64_t now = 2000; now < 40000; now += 400) {
		order.n = 0;
		n = pst_expiry_peek(e, now, next, 64);
		assert_int_equal(pst_expiry_poll(e, now, 64, note, &order), n);
		assert_int_equal(order.n, n);
		assert_memory_equal(order.seen, next, n * sizeof(*next));
	}
	pst_expiry_destroy(e);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(32);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_due_within_a_second_of_its_deadline),
		cmocka_unit_test(so_is_one_that_has_its_node_itself),
		cmocka_unit_test(a_deadline_beyond_the_wheel_is_kept),
		cmocka_unit_test(a_round_visits_no_more_than_it_may),
		cmocka_unit_test(a_peek_tells_what_a_round_visits),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
