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
#include "nat/slots.h"

#define CAPACITY 5000
#define KEPT 0x5eed5eed

/* An entry: what it has in use, and what must not change while it is free. */
static struct {
	uint32_t kept;
	uint32_t words[16];
	uint32_t kept_too;
} entries[CAPACITY];

static bool taken[CAPACITY];
static uint32_t order[CAPACITY], n_taken;

static void
start(struct pst_slots *s, uint32_t n_words)
{
	const struct pst_slots_space space = {
		.words = entries[0].words, .stride = sizeof(entries[0]), .n_words = n_words
	};

	memset(taken, 0, sizeof(taken));
	n_taken = 0;
	for (uint32_t i = 0; i < CAPACITY; i++)
		entries[i].kept = entries[i].kept_too = KEPT;
	assert_int_equal(
		pst_slots_init(s, CAPACITY, n_words > 0 ? &space : NULL, SOCKET_ID_ANY), 0);
}

static void
take(struct pst_slots *s)
{
	uint32_t seen = pst_slots_peek(s, 0), i = pst_slots_take(s);

	assert_int_equal(seen, i);
	assert_true(i < CAPACITY);
	assert_false(taken[i]);
	taken[i] = true;
	memset(entries[i].words, 0xff, sizeof(entries[i].words));
	order[n_taken++] = i;
}

static void
put(struct pst_slots *s, uint32_t which)
{
	uint32_t i = order[which];

	for (int k = 0; k < 16; k++)
		assert_int_equal(entries[i].words[k], UINT32_MAX);
	order[which] = order[--n_taken];
	taken[i] = false;
	pst_slots_put(s, i);
}

/* Tends to full, then to empty, and back; each is given once, and all are. */
static void
run_model(uint32_t n_words)
{
	struct pst_slots s;
	struct pst_rng rng;

	pst_rng_init(&rng, 3 + n_words);
	start(&s, n_words);
	for (uint32_t k = 0; k < 40 * CAPACITY; k++) {
		bool fills = k / (4 * CAPACITY) % 2 == 0;

		if (n_taken < CAPACITY && pst_rng_below(&rng, 4) < (fills ? 3 : 1))
			take(&s);
		else if (n_taken > 0)
			put(&s, pst_rng_below(&rng, n_taken));
		assert_int_equal(pst_slots_used(&s), n_taken);
	}
	while (n_taken < CAPACITY)
		take(&s);
	assert_int_equal(pst_slots_take(&s), PST_SLOT_NONE);
	assert_int_equal(pst_slots_peek(&s, 0), PST_SLOT_NONE);
	while (n_taken > 0)
		put(&s, 0);
	assert_int_equal(pst_slots_used(&s), 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_true(entries[i].kept == KEPT && entries[i].kept_too == KEPT);
	pst_slots_fini(&s);
}

static void
each_is_given_once_from_a_stack(void **state)
{
	(void)state;
	run_model(0);
}

static void
each_is_given_once_from_free_entries(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 10, 16 };

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(sizes); k++)
		run_model(sizes[k]);
}

/* What a burst is going to take is seen before, wherever the numbers are. */
static void
a_burst_ahead_is_seen(void **state)
{
	struct pst_slots s;
	uint32_t ahead[32];

	(void)state;
	start(&s, 16);
	for (int half = 0; half < 2; half++) {
		while (pst_slots_used(&s) + 32 <= CAPACITY) {
			for (uint32_t k = 0; k < 32; k++) {
				ahead[k] = pst_slots_peek(&s, k);
				assert_int_not_equal(ahead[k], PST_SLOT_NONE);
			}
			take(&s);
			assert_int_equal(order[n_taken - 1], ahead[0]);
		}
		while (n_taken > 0)
			put(&s, n_taken - 1);
	}
	pst_slots_fini(&s);
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
		cmocka_unit_test(each_is_given_once_from_a_stack),
		cmocka_unit_test(each_is_given_once_from_free_entries),
		cmocka_unit_test(a_burst_ahead_is_seen),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
