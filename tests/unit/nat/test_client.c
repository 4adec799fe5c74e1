/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "nat/client.h"

#define CAPACITY 3000
#define NOW_MS 1000

static struct pst_client_table t;

static rte_be32_t
ip(uint32_t n)
{
	return rte_cpu_to_be_32(0x0a000001 + n);
}

static void
start(void)
{
	assert_int_equal(pst_client_table_init(&t, CAPACITY, 7, SOCKET_ID_ANY), 0);
}

static void
finish(void)
{
	assert_int_equal(pst_slots_used(&t.slots), 0);
	assert_int_equal(t.by_ip.count, 0);
	pst_client_table_fini(&t);
}

static void
an_entry_lives_by_its_references(void **state)
{
	uint32_t i;

	(void)state;
	start();
	assert_int_equal(pst_client_lookup(&t, ip(1)), PST_FLOW_NONE);
	i = pst_client_get(&t, ip(1), NOW_MS);
	t.entries[i].ports = 5;
	assert_int_equal(pst_client_get(&t, ip(1), NOW_MS), i);
	assert_int_equal(t.entries[i].ports, 5);
	pst_client_put(&t, i);
	assert_int_equal(pst_client_lookup(&t, ip(1)), i);
	pst_client_put(&t, i);
	assert_int_equal(pst_client_lookup(&t, ip(1)), PST_FLOW_NONE);
	/* the next one in the same place has nothing of it */
	assert_int_equal(pst_client_get(&t, ip(2), NOW_MS), i);
	assert_int_equal(t.entries[i].ports, 0);
	pst_client_put(&t, i);
	finish();
}

/* Free entries hold numbers of others in between, and say all the same that they are free. */
static void
a_full_table_says_so_and_can_be_full_again(void **state)
{
	static uint32_t entries[CAPACITY];

	(void)state;
	start();
	for (int round = 0; round < 3; round++) {
		for (uint32_t n = 0; n < CAPACITY; n++) {
			entries[n] = pst_client_get(&t, ip(n), NOW_MS);
			assert_true(entries[n] < CAPACITY);
		}
		assert_int_equal(pst_client_get(&t, ip(CAPACITY), NOW_MS), PST_SLOT_NONE);
		for (uint32_t n = 0; n < CAPACITY; n++) {
			assert_int_equal(pst_client_lookup(&t, ip(n)), entries[n]);
			assert_int_equal(t.entries[entries[n]].ip, ip(n));
		}
		for (uint32_t n = 0; n < CAPACITY; n++)
			pst_client_put(&t, entries[n * 7 % CAPACITY]);
		for (uint32_t i = 0; i < CAPACITY; i++)
			assert_int_equal(t.entries[i].refs, 0);
		assert_int_equal(t.total, (round + 1) * CAPACITY);
	}
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_lives_by_its_references),
		cmocka_unit_test(a_full_table_says_so_and_can_be_full_again),
	};

	test_eal_init(32);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
