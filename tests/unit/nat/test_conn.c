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
	rare = pst_conn_rare_of(&t, &t.hot[i]);
	assert_int_equal(pst_slots_used(&t.rare_slots), 0);
	assert_int_equal(rare->cookie, 0);
	assert_int_equal(rare->alias, 0);
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
	uint64_t packets = UINT64_C(300000) * PST_CONN_OVERRUN + 200, bytes = 0;
	struct pst_conn *c;
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	c = &t.hot[i];
	for (uint64_t n = 0; n < packets; n++) {
		pst_conn_count(c, PST_WAY_IN, 65535 - n % 7);
		bytes += 65535 - n % 7;
	}
	assert_int_equal(pst_conn_packets(c, PST_WAY_IN), packets);
	assert_int_equal(pst_conn_bytes(c, PST_WAY_IN), bytes);
	assert_int_equal(pst_conn_packets(c, PST_WAY_OUT), 0);
	assert_int_equal(pst_conn_bytes(c, PST_WAY_OUT), 0);
	finish();
}

static void
a_pool_of_rare_entries_says_when_it_is_used_up(void **state)
{
	uint32_t n = 0;

	(void)state;
	start(CAPACITY);
	while (pst_conn_has_rare_room(&t))
		assert_non_null(pst_conn_rare(&t, open_nth(n++)));
	assert_int_equal(n, RARE);
	assert_null(pst_conn_rare(&t, open_nth(n)));
	finish();
}

/* What lies in the low bits of the keys is no part of them. */
static void
flags_and_state_do_not_hide_a_connection(void **state)
{
	struct pst_flow_key keys[PST_WAYS];
	uint32_t i;

	(void)state;
	start(CAPACITY);
	i = open_nth(0);
	for (int way = 0; way < PST_WAYS; way++)
		keys[way] = pst_conn_key(&t.hot[i], (enum pst_way)way);
	t.hot[i].flags = UINT16_MAX;
	t.hot[i].state = t.hot[i].timeout = UINT8_MAX;
	for (int way = 0; way < PST_WAYS; way++) {
		struct pst_flow_key key = keys[way];

		assert_int_equal(pst_conn_key(&t.hot[i], (enum pst_way)way).b, key.b);
		assert_int_equal(pst_conn_lookup(&t, pst_flow_hash(&t.flows, key), key),
			i << 1 | way);
		key.b += UINT64_C(1) << 16; /* another port */
		assert_int_equal(pst_conn_lookup(&t, pst_flow_hash(&t.flows, key), key),
			PST_FLOW_NONE);
	}
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
		cmocka_unit_test(a_pool_of_rare_entries_says_when_it_is_used_up),
		cmocka_unit_test(flags_and_state_do_not_hide_a_connection),
		cmocka_unit_test(of_a_small_table_all_may_be_rare),
	};

	test_eal_init(256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
