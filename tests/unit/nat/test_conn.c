/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "nat/conn.h"

#define CAPACITY 100000
#define RARE 16384 /* of so many */
#define NOW_MS 1000

static struct pst_conn_table t;

/* The n-th of all: another inside and outside port each, in turns of 60,000. */
static uint32_t
open_nth(uint32_t n)
{
	rte_be16_t port = rte_cpu_to_be_16(1024 + n % 60000);
	rte_be32_t host = rte_cpu_to_be_32(0x0a000001 + n / 60000);

	return pst_conn_open(&t, pst_key_end(rte_cpu_to_be_32(0xc6120009), 53, PST_UDP),
		pst_key_end(host, port, PST_WAY_OUT),
		pst_key_end(host ^ rte_cpu_to_be_32(0xc0000000), port, PST_WAY_IN), NOW_MS);
}

static void
start(uint32_t capacity)
{
	assert_int_equal(pst_conn_table_init(&t, capacity, 7, NOW_MS, SOCKET_ID_ANY), 0);
}

static void
finish(void)
{
	for (uint32_t i = 0; i < t.slots.capacity; i++) {
		if (!t.hot[i].live)
			continue;
		pst_conn_unlink(&t, i);
		pst_conn_free(&t, i);
	}
	assert_int_equal(t.flows.count, 0);
	assert_int_equal(pst_slots_used(&t.slots), 0);
	assert_int_equal(pst_slots_used(&t.rare_slots), 0);
	pst_conn_table_fini(&t);
}

static void
a_full_table_says_so(void **state)
{
	(void)state;
	start(CAPACITY);
	for (uint32_t n = 0; n < CAPACITY; n++)
		assert_true(open_nth(n) != PST_SLOT_NONE);
	assert_int_equal(open_nth(CAPACITY), PST_SLOT_NONE);
	finish();
}

static void
a_reference_dies_with_its_connection(void **state)
{
	struct pst_ref ref;
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	ref = pst_conn_ref(&t, i);
	assert_int_equal(pst_conn_deref(&t, ref), i);
	pst_conn_unlink(&t, i);
	assert_int_equal(pst_conn_deref(&t, ref), PST_SLOT_NONE);
	pst_conn_free(&t, i);
	assert_int_equal(open_nth(1), i);
	assert_int_equal(pst_conn_deref(&t, ref), PST_SLOT_NONE);
	finish();
}

static void
most_have_no_rare_entry_and_read_zeroes(void **state)
{
	const struct pst_conn_rare *rare;
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	pst_conn_count(&t, &t.hot[i], PST_WAY_OUT, 100);
	rare = pst_conn_rare_of(&t, &t.hot[i]);
	assert_int_equal(pst_slots_used(&t.rare_slots), 0);
	assert_int_equal(rare->cookie, 0);
	assert_int_equal(rare->bytes[PST_WAY_OUT], 0);
	assert_int_equal(pst_conn_permission(&t, &t.hot[i]), PST_SLOT_NONE);
	finish();
}

/* What the next one that gets the same rare entry must not see. */
static void
a_rare_entry_is_zero_again_when_its_connection_has_ended(void **state)
{
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	pst_conn_rare(&t, i)->cookie = 77;
	pst_conn_rare(&t, i)->permission = 3 + 1;
	assert_int_equal(pst_slots_used(&t.rare_slots), 1);
	assert_int_equal(pst_conn_permission(&t, &t.hot[i]), 3);
	pst_conn_unlink(&t, i);
	pst_conn_free(&t, i);
	assert_int_equal(pst_slots_used(&t.rare_slots), 0);
	i = open_nth(1);
	assert_int_equal(pst_conn_rare(&t, i)->cookie, 0);
	assert_int_equal(pst_conn_permission(&t, &t.hot[i]), PST_SLOT_NONE);
	finish();
}

static void
counts_go_on_when_they_run_over(void **state)
{
	uint64_t packets = 3 * PST_CONN_OVERRUN + 200000, bytes = 0;
	struct pst_conn *c;
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	c = &t.hot[i];
	for (uint64_t n = 0; n < packets; n++) {
		pst_conn_count(&t, c, PST_WAY_IN, 65535 - n % 7);
		bytes += 65535 - n % 7;
	}
	assert_int_equal(pst_conn_packets(&t, i, PST_WAY_IN), packets);
	assert_int_equal(pst_conn_bytes(&t, i, PST_WAY_IN), bytes);
	assert_int_equal(pst_conn_packets(&t, i, PST_WAY_OUT), 0);
	assert_int_equal(pst_conn_bytes(&t, i, PST_WAY_OUT), 0);
	assert_false(c->cut);
	finish();
}

#define LAST_PACKET ((PST_CONN_OVERRUN - 1) * PST_CONN_PACKET)

/* Editors leave some for counters; those stop where they would begin anew when there is none. */
static void
a_pool_that_is_used_up_loses_no_count_unseen(void **state)
{
	uint32_t n = 0, of_editors, i;
	struct pst_conn *c;

	(void)state;
	start(CAPACITY);
	while (pst_conn_has_rare_room(&t))
		assert_non_null(pst_conn_rare(&t, open_nth(n++)));
	of_editors = n;
	assert_int_equal(of_editors, RARE / 4 * 3);
	for (; t.rare_slots.n_free > 0; n++) {
		i = open_nth(n);
		c = &t.hot[i];
		c->count[PST_WAY_OUT] = LAST_PACKET + 1000;
		pst_conn_count(&t, c, PST_WAY_OUT, 64);
		assert_int_equal(pst_conn_packets(&t, i, PST_WAY_OUT), PST_CONN_OVERRUN);
		assert_int_equal(pst_conn_bytes(&t, i, PST_WAY_OUT), 1064);
		assert_false(c->cut);
	}
	assert_int_equal(n, RARE);
	i = open_nth(n);
	c = &t.hot[i];
	assert_null(pst_conn_rare(&t, i));
	c->count[PST_WAY_OUT] = LAST_PACKET + 1000;
	for (int k = 0; k < 3; k++)
		pst_conn_count(&t, c, PST_WAY_OUT, 64);
	assert_int_equal(pst_conn_packets(&t, i, PST_WAY_OUT), PST_CONN_OVERRUN - 1);
	assert_int_equal(pst_conn_bytes(&t, i, PST_WAY_OUT), 1000 + 3 * 64);
	assert_true(c->cut);
	c->count[PST_WAY_OUT] |= PST_CONN_PACKET - 1;
	for (int k = 0; k < 3; k++)
		pst_conn_count(&t, c, PST_WAY_OUT, 64);
	assert_int_equal(pst_conn_packets(&t, i, PST_WAY_OUT), PST_CONN_OVERRUN - 1);
	assert_int_equal(pst_conn_bytes(&t, i, PST_WAY_OUT), PST_CONN_PACKET - 1);
	finish();
}

/* A table that is as small as the pool has a rare entry for each. */
static void
of_a_small_table_all_may_be_rare(void **state)
{
	(void)state;
	start(1000);
	for (uint32_t n = 0; n < 1000; n++) {
		assert_true(pst_conn_has_rare_room(&t));
		assert_non_null(pst_conn_rare(&t, open_nth(n)));
	}
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table_says_so),
		cmocka_unit_test(a_reference_dies_with_its_connection),
		cmocka_unit_test(most_have_no_rare_entry_and_read_zeroes),
		cmocka_unit_test(a_rare_entry_is_zero_again_when_its_connection_has_ended),
		cmocka_unit_test(counts_go_on_when_they_run_over),
		cmocka_unit_test(a_pool_that_is_used_up_loses_no_count_unseen),
		cmocka_unit_test(of_a_small_table_all_may_be_rare),
	};

	test_eal_init(256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
