/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include "base/rng.h"
#include "eal.h"
#include "nat/flowtable.h"

#define CAPACITY 3000

static struct pst_flow_key keys[CAPACITY];
static bool present[CAPACITY];

static bool
match(const void *ctx, uint32_t value, struct pst_flow_key key)
{
	(void)ctx;
	return keys[value].a == key.a && keys[value].b == key.b;
}

static uint32_t
find(const struct pst_flowtable *t, uint64_t hash, uint32_t i)
{
	return pst_flow_find(t, hash, match, NULL, keys[i]);
}

static bool
is_number(const void *ctx, uint32_t value, struct pst_flow_key key)
{
	(void)ctx;
	return value == key.a;
}

static uint64_t
hash_of_number(const struct pst_flowtable *t, uint32_t round, uint32_t i)
{
	return pst_flow_hash(t, (struct pst_flow_key){ i, round });
}

/* Few distinct hashes make long chains; many are the usual case. */
static void
run_model(uint32_t distinct, uint32_t steps)
{
	struct pst_flowtable t;
	struct pst_rng rng;
	bool refused = false;
	uint32_t n = 0;

	memset(present, 0, sizeof(present));
	pst_rng_init(&rng, distinct);
	assert_int_equal(pst_flowtable_init(&t, CAPACITY, 7, SOCKET_ID_ANY), 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		keys[i] = (struct pst_flow_key){ i, pst_rng_next(&rng) };
	for (uint32_t k = 0; k < steps; k++) {
		uint32_t i = pst_rng_below(&rng, CAPACITY);
		uint64_t hash = pst_flow_hash(&t, keys[i]);

		if (distinct > 0)
			hash = hash % distinct | UINT64_C(1) << 48;
		assert_int_equal(find(&t, hash, i), present[i] ? i : PST_FLOW_NONE);
		/* tend to full, then to empty, and back */
		if (!present[i] && (k / (4 * CAPACITY)) % 2 == 0) {
			if (!pst_flowtable_has_room(&t, 1)) {
				/* the reserve is used up, by one chain as good as whole */
				assert_true(distinct > 0 && n >= t.home / 5 * PST_FLOW_SLOTS);
				refused = true;
				continue;
			}
			pst_flowtable_add(&t, hash, i);
			present[i] = true;
			n++;
		} else if (present[i] && pst_rng_below(&rng, 3) == 0) {
			pst_flowtable_del(&t, hash, i);
			present[i] = false;
			n--;
		}
		assert_int_equal(t.count, n);
	}
	assert_int_equal(refused, distinct > 0);
	pst_flowtable_fini(&t);
}

static void
finds_what_is_in_it_and_nothing_else(void **state)
{
	(void)state;
	run_model(0, 300000);
}

static void
one_bucket_for_all_keys_has_the_reserve(void **state)
{
	(void)state;
	run_model(1, 60000);
}

static void
a_few_buckets_share_the_reserve(void **state)
{
	(void)state;
	run_model(5, 100000);
}

/* Every value of a full table is found; and full again after much came and went. */
static void
a_table_holds_what_it_is_made_for(void **state)
{
	static const uint32_t capacities[] = { 1, 8, 100, 2047, 100000, 1000003 };
	struct pst_flowtable t;

	(void)state;
	for (unsigned int c = 0; c < RTE_DIM(capacities); c++) {
		uint32_t n = capacities[c], spare;

		assert_int_equal(pst_flowtable_init(&t, n, n, SOCKET_ID_ANY), 0);
		spare = t.spare;
		for (uint32_t round = 0; round < 3; round++) {
			for (uint32_t i = 0; i < n; i++) {
				assert_true(pst_flowtable_has_room(&t, 1));
				pst_flowtable_add(&t, hash_of_number(&t, round, i), i);
			}
			assert_false(pst_flowtable_has_room(&t, 1));
			for (uint32_t i = 0; i < n; i++) {
				assert_int_equal(pst_flow_find(&t, hash_of_number(&t, round, i),
							 is_number, NULL,
							 (struct pst_flow_key){ i, 0 }),
					i);
				pst_flowtable_del(&t, hash_of_number(&t, round, i), i);
			}
			assert_int_equal(t.count, 0);
			assert_int_equal(t.spare, spare);
		}
		pst_flowtable_fini(&t);
	}
}

/* Keys that somebody aimed at one bucket use the reserve up, and the table says so in time. */
static void
a_table_says_when_its_reserve_ends(void **state)
{
	struct pst_flowtable t;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(pst_flowtable_init(&t, CAPACITY, 7, SOCKET_ID_ANY), 0);
	for (; pst_flowtable_has_room(&t, 1); n++)
		pst_flowtable_add(&t, UINT64_C(1) << 48, n);
	assert_true(n >= PST_FLOW_SLOTS && n < CAPACITY);
	for (uint32_t i = 0; i < n; i++)
		pst_flowtable_del(&t, UINT64_C(1) << 48, i);
	assert_true(pst_flowtable_has_room(&t, 1));
	pst_flowtable_fini(&t);
}

static void
the_hash_uses_every_bit_of_the_key(void **state)
{
	struct pst_flowtable t = { .seed = { 0x1234567, 0xfedcba9876543210 } };
	struct pst_flow_key key = { 0, 0 };
	uint64_t seen = pst_flow_hash(&t, key);

	(void)state;
	for (int bit = 0; bit < 128; bit++) {
		struct pst_flow_key other = key;

		if (bit < 64)
			other.a ^= UINT64_C(1) << bit;
		else
			other.b ^= UINT64_C(1) << (bit - 64);
		assert_true((pst_flow_hash(&t, other) & 0xffff) != (seen & 0xffff));
	}
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_in_it_and_nothing_else),
		cmocka_unit_test(one_bucket_for_all_keys_has_the_reserve),
		cmocka_unit_test(a_few_buckets_share_the_reserve),
		cmocka_unit_test(a_table_holds_what_it_is_made_for),
		cmocka_unit_test(a_table_says_when_its_reserve_ends),
		cmocka_unit_test(the_hash_uses_every_bit_of_the_key),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
