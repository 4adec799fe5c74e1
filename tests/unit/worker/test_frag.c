/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams in pieces: against a model that marks single bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "eal.h"
#include "worker/frag.h"

#define SIZE 512u /* bytes of a model's datagram, at most */

/* The naive reference: bytes that have passed, and where the end is. */
struct model {
	bool seen[2 * SIZE];
	uint32_t end; /* 0: not known */
};

/* The bytes that a fragment stands for: the last one's are whole units, too. */
static uint32_t
round_up(uint32_t len)
{
	return (len + 7) / 8 * 8;
}

static bool
model_pass(struct model *m, uint32_t offset, uint32_t len, bool more)
{
	uint32_t end = offset + round_up(len);

	if (len == 0 || (more && len % 8 != 0))
		return false;
	for (uint32_t i = offset; i < end; i++) {
		if (m->seen[i] || (m->end != 0 && i >= m->end))
			return false;
	}
	for (uint32_t i = end; !more && i < sizeof(m->seen); i++) {
		if (m->seen[i])
			return false;
	}
	if (!more && m->end != 0)
		return false;
	for (uint32_t i = offset; i < end; i++)
		m->seen[i] = true;
	if (!more)
		m->end = end;
	return true;
}

static bool
model_is_complete(const struct model *m)
{
	for (uint32_t i = 0; i < m->end; i++) {
		if (!m->seen[i])
			return false;
	}
	return m->end != 0;
}

static struct pst_frags *
create(uint32_t datagrams, uint32_t fragments)
{
	struct pst_frags *t = pst_frags_create("test", datagrams, fragments, SOCKET_ID_ANY);

	assert_non_null(t);
	return t;
}

static struct pst_frag_key
key_of(uint16_t id)
{
	return (struct pst_frag_key){ .src = 1, .dst = 2, .id = id, .proto = 17 };
}

static void
no_byte_passes_twice(void **state)
{
	struct pst_frags *t = create(4, 4);
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 7);
	for (uint32_t round = 0; round < 20000; round++) {
		struct pst_frag_key key = key_of(round);
		struct pst_frag *f = pst_frags_add(t, &key, 0);
		struct model m = { 0 };

		assert_non_null(f);
		for (uint32_t k = 0; k < 24; k++) {
			uint32_t offset = pst_rng_next(&rng) % (SIZE / 8) * 8;
			uint32_t len = pst_rng_next(&rng) % 96;
			bool more = pst_rng_next(&rng) % 8 != 0;

			if (pst_rng_next(&rng) % 4 != 0)
				len = round_up(len);
			assert_int_equal(pst_frag_pass(f, offset, len, more),
				model_pass(&m, offset, len, more));
			assert_int_equal(pst_frag_is_complete(f), model_is_complete(&m));
		}
		pst_frags_forget(t, f);
	}
	assert_int_equal(pst_frags_count(t), 0);
	pst_frags_destroy(t);
}

static void
the_largest_datagram_ends_in_time(void **state)
{
	struct pst_frags *t = create(1, 1);
	struct pst_frag_key key = key_of(1);
	struct pst_frag *f = pst_frags_add(t, &key, 0);

	(void)state;
	assert_false(pst_frag_pass(f, 65528, 16, false));
	assert_true(pst_frag_pass(f, 65528, 7, false));
	assert_true(pst_frag_pass(f, 0, 65528, true));
	assert_true(pst_frag_is_complete(f));
	pst_frags_destroy(t);
}

static void
room_is_what_was_asked_for(void **state)
{
	enum { N = 1000 };
	struct pst_frags *t = create(N, 3);
	struct rte_mbuf *m[4] = { (void *)1, (void *)2, (void *)3, (void *)4 };
	struct pst_frag *f = NULL, *first;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		struct pst_frag_key key = key_of(i);

		f = pst_frags_add(t, &key, i);
		assert_non_null(f);
		assert_ptr_equal(pst_frags_find(t, &key), f);
	}
	assert_null(pst_frags_add(t, &(struct pst_frag_key){ .src = 9 }, N));
	first = pst_frags_oldest(t);
	assert_int_equal(first->due_ms, PST_FRAG_TIMEOUT_MS);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(pst_frag_hold(t, f, m[i]));
	assert_false(pst_frag_hold(t, f, m[3]));
	assert_int_equal(pst_frags_held(t), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_ptr_equal(pst_frag_unhold(t, f), m[i]);
	assert_null(pst_frag_unhold(t, f));
	pst_frags_forget(t, first);
	assert_non_null(pst_frags_add(t, &(struct pst_frag_key){ .src = 9 }, N));
	assert_null(pst_frags_find(t, &(struct pst_frag_key){ .src = 1, .dst = 2, .proto = 17 }));
	pst_frags_destroy(t);
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
		cmocka_unit_test(no_byte_passes_twice),
		cmocka_unit_test(the_largest_datagram_ends_in_time),
		cmocka_unit_test(room_is_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
