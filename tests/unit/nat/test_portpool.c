/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_errno.h>

#include "base/lcore.h"
#include "base/rng.h"
#include "eal.h"
#include "nat/portpool.h"

#define ALICE 0x0a000001
#define BOB 0x0a000002
#define QUARANTINE 120000
#define START 1000 /* ms */

static const struct pst_lcore_role worker = { PST_ROLE_WORKER, 3 };
static struct pst_rng rng;

static struct pst_portpool *
make(uint16_t first, uint16_t last, uint32_t quarantine_ms)
{
	struct pst_portpool *pool = pst_portpool_create(first, last, quarantine_ms, &worker, 0);

	assert_non_null(pool);
	return pool;
}

/* Nothing is left taken, and the count says so. */
static void
finish(struct pst_portpool *pool)
{
	assert_int_equal(pst_portpool_used(pool), 0);
	pst_portpool_destroy(pool);
}

static uint32_t
cases(uint32_t most)
{
	const char *s = getenv("PST_CASES");
	uint32_t n = s != NULL ? strtoul(s, NULL, 0) : most;

	return n > 0 && n < most ? n : most;
}

static void
a_range_backwards_is_refused(void **state)
{
	(void)state;
	assert_null(pst_portpool_create(2000, 1999, 0, &worker, 0));
	assert_int_equal(rte_errno, EINVAL);
	pst_portpool_destroy(NULL);
}

static void
a_run_of_none_or_too_many_is_refused(void **state)
{
	struct pst_portpool *pool = make(1024, 65535, 0);

	(void)state;
	assert_int_equal(pst_portpool_take(pool, 0, ALICE, &rng, START), -EINVAL);
	assert_int_equal(
		pst_portpool_take(pool, PST_PORT_RUN_MAX + 1, ALICE, &rng, START), -EINVAL);
	finish(pool);
}

static void
run_of_two_starts_even(void **state)
{
	struct pst_portpool *pool = make(1025, 1101, 0);
	int port;

	(void)state;
	for (int i = 0; i < 38; i++) {
		port = pst_portpool_take(pool, 2, ALICE, &rng, START);
		assert_true(port >= 1026 && port <= 1100);
		assert_int_equal(port % 2, 0);
		assert_true(pst_portpool_is_taken(pool, port));
		assert_true(pst_portpool_is_taken(pool, port + 1));
	}
	assert_int_equal(pst_portpool_take(pool, 2, ALICE, &rng, START), -ENOSPC);
	assert_int_equal(pst_portpool_free_count(pool), 1);
	assert_int_equal(pst_portpool_take(pool, 1, ALICE, &rng, START), 1025);
	pst_portpool_put(pool, 1025, 77, ALICE, START);
	finish(pool);
}

static void
exhausted_pool_says_so(void **state)
{
	struct pst_portpool *pool = make(5000, 5099, QUARANTINE);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_in_range(pst_portpool_take(pool, 1, ALICE, &rng, START), 5000, 5099);
	assert_int_equal(pst_portpool_free_count(pool), 0);
	assert_int_equal(pst_portpool_take(pool, 1, ALICE, &rng, START), -ENOSPC);
	assert_int_equal(pst_portpool_take_port(pool, 7, ALICE, &rng, START), -ENOSPC);
	assert_int_equal(pst_portpool_take_fixed(pool, 5050, ALICE, START), -EADDRINUSE);
	pst_portpool_put(pool, 5000, 100, ALICE, START);
	finish(pool);
}

static void
run_near_the_end_stays_inside(void **state)
{
	(void)state;
	for (uint32_t last = 65400; last <= 65535; last++) {
		for (uint32_t n = 2; n <= 70; n++) {
			struct pst_portpool *pool = make(65390, last, 0);
			int port;

			while ((port = pst_portpool_take(pool, n, ALICE, &rng, START)) >= 0) {
				assert_true(port >= 65390 && port + n - 1 <= last);
				assert_int_equal(port % n, 0);
			}
			assert_int_equal(port, -ENOSPC);
			pst_portpool_destroy(pool);
		}
	}
}

static void
all_65536_ports_can_be_a_pool(void **state)
{
	struct pst_portpool *pool = make(0, 65535, QUARANTINE);

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_true(pst_portpool_take(pool, 1024, ALICE, &rng, START) % 1024 == 0);
	assert_int_equal(pst_portpool_take(pool, 1, ALICE, &rng, START), -ENOSPC);
	pst_portpool_put(pool, 0, 65536, ALICE, START);
	assert_int_equal(pst_portpool_resting(pool, START), 65536);
	assert_int_equal(pst_portpool_resting(pool, START + QUARANTINE + 16), 0);
	assert_int_equal(pst_portpool_take_fixed(pool, 0, ALICE, START), 0);
	assert_int_equal(pst_portpool_take_fixed(pool, 65535, ALICE, START), 65535);
	pst_portpool_put(pool, 0, 65536, ALICE, START);
	finish(pool);
}

static void
parity_is_kept_while_it_can_be(void **state)
{
	struct pst_portpool *pool = make(2000, 2199, QUARANTINE);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(pst_portpool_take_port(pool, 40001, ALICE, &rng, START) % 2, 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(pst_portpool_take_port(pool, 40001, ALICE, &rng, START) % 2, 0);
	/* resting ones of the right parity come first, too */
	pst_portpool_put(pool, 2101, 1, BOB, START);
	assert_int_equal(pst_portpool_take_port(pool, 9, ALICE, &rng, START), 2101);
	pst_portpool_put(pool, 2000, 200, ALICE, START);
	finish(pool);
}

static void
fixed_port_is_that_port_or_none(void **state)
{
	struct pst_portpool *pool = make(2000, 2999, QUARANTINE);
	uint64_t later = START + QUARANTINE + 16;

	(void)state;
	assert_int_equal(pst_portpool_take_fixed(pool, 1999, ALICE, START), -EINVAL);
	assert_int_equal(pst_portpool_take_fixed(pool, 3000, ALICE, START), -EINVAL);
	assert_int_equal(pst_portpool_take_fixed(pool, 2500, ALICE, START), 2500);
	assert_int_equal(pst_portpool_take_fixed(pool, 2500, ALICE, START), -EADDRINUSE);
	pst_portpool_put(pool, 2500, 1, ALICE, START);
	assert_int_equal(pst_portpool_take_fixed(pool, 2500, BOB, START + 1), -EADDRINUSE);
	assert_int_equal(pst_portpool_take_fixed(pool, 2500, ALICE, START + 1), 2500);
	pst_portpool_put(pool, 2500, 1, ALICE, START);
	assert_int_equal(pst_portpool_take_fixed(pool, 2500, BOB, later), 2500);
	pst_portpool_put(pool, 2500, 1, BOB, later);
	finish(pool);
}

static void
freed_port_rests_before_another_client_has_it(void **state)
{
	struct pst_portpool *pool = make(2000, 2063, QUARANTINE);

	(void)state;
	for (int i = 0; i < 64; i++)
		pst_portpool_take(pool, 1, ALICE, &rng, START);
	pst_portpool_put(pool, 2000, 64, ALICE, START);
	pst_portpool_take_fixed(pool, 2010, ALICE, START);
	pst_portpool_take_fixed(pool, 2020, ALICE, START);
	assert_int_equal(pst_portpool_resting(pool, START), 62);
	/* all the rest is over but for one port, which comes last */
	pst_portpool_put(pool, 2020, 1, ALICE, START + QUARANTINE);
	for (int i = 0; i < 62; i++) {
		int port = pst_portpool_take(pool, 1, BOB, &rng, START + QUARANTINE + 16);

		assert_true(port >= 2000 && port != 2020 && port != 2010);
	}
	assert_int_equal(pst_portpool_take(pool, 1, BOB, &rng, START + QUARANTINE + 16), 2020);
	pst_portpool_put(pool, 2000, 64, ALICE, START);
	finish(pool);
}

static void
quarantine_starves_nobody(void **state)
{
	struct pst_portpool *pool = make(2000, 2099, QUARANTINE);

	(void)state;
	for (int i = 0; i < 100; i++)
		pst_portpool_take(pool, 1, ALICE, &rng, START);
	/* the longest resting first, when there is nothing else */
	for (int i = 0; i < 100; i++)
		pst_portpool_put(pool, 2000 + (i * 37) % 100, 1, ALICE, START + 100 * i);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			pst_portpool_take_port(pool, (i * 37) % 100, BOB, &rng, START + 20000),
			2000 + (i * 37) % 100);
	pst_portpool_put(pool, 2000, 100, BOB, START);
	assert_in_range(pst_portpool_take(pool, 50, ALICE, &rng, START), 2000, 2050);
	pst_portpool_put(pool, 2000, 100, BOB, START);
	finish(pool);
}

static void
same_client_may_have_its_port_again(void **state)
{
	struct pst_portpool *pool = make(2000, 2099, QUARANTINE);

	(void)state;
	for (int i = 0; i < 100; i++)
		pst_portpool_take(pool, 1, ALICE, &rng, START);
	pst_portpool_put(pool, 2000, 20, BOB, START);
	pst_portpool_put(pool, 2042, 1, ALICE, START + 5);
	pst_portpool_put(pool, 2050, 20, BOB, START + 6);
	assert_int_equal(pst_portpool_take_port(pool, 4, ALICE, &rng, START + 7), 2042);
	pst_portpool_put(pool, 2000, 100, BOB, START);
	finish(pool);
}

static void
run_of_rested_ports_comes_before_a_resting_one(void **state)
{
	struct pst_portpool *pool = make(2000, 2099, QUARANTINE);
	uint64_t later = START + QUARANTINE + 16;

	(void)state;
	for (int i = 0; i < 25; i++)
		assert_true(pst_portpool_take(pool, 4, ALICE, &rng, START) >= 0);
	pst_portpool_put(pool, 2000, 50, ALICE, START);
	pst_portpool_put(pool, 2050, 50, ALICE, START + QUARANTINE / 2);
	for (int i = 0; i < 12; i++)
		assert_in_range(pst_portpool_take(pool, 4, BOB, &rng, later), 2000, 2044);
	for (int i = 0; i < 13; i++)
		assert_in_range(pst_portpool_take(pool, 4, BOB, &rng, later), 2048, 2096);
	assert_int_equal(pst_portpool_take(pool, 4, BOB, &rng, later), -ENOSPC);
	pst_portpool_put(pool, 2000, 100, BOB, later);
	finish(pool);
}

static void
put_of_what_is_not_taken_changes_nothing(void **state)
{
	struct pst_portpool *pool = make(2000, 2099, QUARANTINE);

	(void)state;
	pst_portpool_put(pool, 0, 65536, ALICE, START);
	assert_int_equal(pst_portpool_resting(pool, START), 0);
	assert_int_equal(pst_portpool_take_fixed(pool, 2007, ALICE, START), 2007);
	pst_portpool_put(pool, 2000, 100, ALICE, START);
	pst_portpool_put(pool, 2000, 100, ALICE, START);
	assert_int_equal(pst_portpool_resting(pool, START), 1);
	assert_int_equal(pst_portpool_free_count(pool), 100);
	assert_true(pst_portpool_is_taken(pool, 1999));
	assert_true(pst_portpool_is_taken(pool, 2100));
	finish(pool);
}

/* RFC 6056: no port of an empty pool is likelier than another (chi squared). */
static void
ports_are_spread_evenly(void **state)
{
	struct pst_portpool *pool = make(1024, 65535, 0);
	static uint32_t hits[63];
	uint32_t n = 63 * 2000;
	double chi = 0;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		int port = pst_portpool_take(pool, 1, ALICE, &rng, START);

		hits[port / 1024 - 1]++;
		pst_portpool_put(pool, port, 1, ALICE, START);
	}
	for (int i = 0; i < 63; i++)
		chi += (hits[i] - 2000.0) * (hits[i] - 2000.0) / 2000.0;
	print_message("chi squared of 63 slots: %.1f (62 is the mean, 110 is p = 0.0002)\n", chi);
	assert_true(chi < 110);
	finish(pool);
}

/* The naive model: a byte a port, read from the first to the last. */

struct model {
	uint8_t taken[65536];
	uint64_t rested[65536]; /* when a free port's rest is over */
	uint32_t client[65536];
	uint32_t first, last, used, quarantine_ms;
};

static bool
model_has_run(const struct model *m, uint32_t n)
{
	for (uint32_t low = (m->first + n - 1) / n * n; low + n - 1 <= m->last; low += n)
		if (memchr(&m->taken[low], 1, n) == NULL)
			return true;
	return false;
}

static void
model_take(struct model *m, int port, uint32_t n)
{
	assert_true(port >= (int)m->first && port + n - 1 <= m->last);
	assert_int_equal(port % n, 0);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(m->taken[port + i], 0);
		m->taken[port + i] = 1;
	}
	m->used += n;
}

static void
model_put(struct model *m, uint32_t port, uint32_t n, uint32_t client, uint64_t now)
{
	for (uint32_t i = port; i < port + n; i++) {
		if (m->taken[i] == 0)
			continue;
		m->taken[i] = 0;
		m->rested[i] = now + m->quarantine_ms;
		m->client[i] = client;
		m->used--;
	}
}

/* A port that rests from another client is given when no other is left (to 16 ms). */
static void
model_check_rest(const struct model *m, uint32_t port, uint32_t client, uint64_t now)
{
	if (m->rested[port] <= now || m->client[port] == client)
		return;
	for (uint32_t i = m->first; i <= m->last; i++)
		assert_true(m->taken[i] || m->rested[i] + 16 > now);
}

/* Sizes as they come: mostly one and two, then small, then any. */
static uint32_t
any_size(void)
{
	switch (pst_rng_below(&rng, 8)) {
	case 0:
		return 1 + pst_rng_below(&rng, PST_PORT_RUN_MAX);
	case 1:
	case 2:
		return 1 + pst_rng_below(&rng, 70);
	default:
		return 1 + pst_rng_below(&rng, 4);
	}
}

static void
take_both(struct pst_portpool *pool, struct model *m, uint64_t now)
{
	uint32_t n = any_size(), client = pst_rng_below(&rng, 100),
		 want = pst_rng_below(&rng, 65536);
	bool has = model_has_run(m, n);
	int port;

	if (n == 1 && want % 4 == 0) {
		port = pst_portpool_take_fixed(pool, want, client, now);
		if (want < m->first || want > m->last)
			assert_int_equal(port, -EINVAL);
		else if (m->taken[want])
			assert_int_equal(port, -EADDRINUSE);
		if (port >= 0)
			model_take(m, port, 1);
		return;
	}
	port = n == 1 && want % 4 == 1 ? pst_portpool_take_port(pool, want, client, &rng, now)
				       : pst_portpool_take(pool, n, client, &rng, now);
	if (!has) {
		assert_int_equal(port, -ENOSPC);
		return;
	}
	assert_true(port >= 0);
	if (n == 1 && want % 4 != 1)
		model_check_rest(m, port, client, now);
	model_take(m, port, n);
}

static void
put_both(struct pst_portpool *pool, struct model *m, uint64_t now)
{
	uint32_t n = any_size(), size = m->last - m->first + 1;
	uint32_t port = m->first + pst_rng_below(&rng, size), client = pst_rng_below(&rng, 100);

	n = RTE_MIN(n, m->last + 1 - port);
	pst_portpool_put(pool, port, n, client, now);
	model_put(m, port, n, client, now);
}

static void
run_model(uint32_t first, uint32_t last, uint32_t quarantine_ms, uint32_t steps)
{
	struct pst_portpool *pool = make(first, last, quarantine_ms);
	struct model *m = calloc(1, sizeof(*m));
	uint64_t now = START;
	uint32_t bias = 4;

	m->first = first;
	m->last = last;
	m->quarantine_ms = quarantine_ms;
	for (uint32_t i = 0; i < steps; i++) {
		if (i % 2048 == 0) /* fill for a while, then empty for a while */
			bias = pst_rng_below(&rng, 10);
		if (pst_rng_below(&rng, 9) < bias)
			take_both(pool, m, now);
		else
			put_both(pool, m, now);
		assert_int_equal(pst_portpool_used(pool), m->used);
		assert_int_equal(pst_portpool_free_count(pool), last - first + 1 - m->used);
		now += pst_rng_below(&rng, 8);
	}
	for (uint32_t port = first; port <= last; port++)
		assert_int_equal(pst_portpool_is_taken(pool, port), m->taken[port]);
	pst_portpool_put(pool, 0, 65536, ALICE, now);
	free(m);
	finish(pool);
}

static void
pool_does_what_the_naive_model_does(void **state)
{
	static const struct {
		uint16_t first, last;
		uint32_t quarantine_ms;
	} t[] = {
		{ 1024, 65535, 0 },
		{ 1024, 65535, QUARANTINE },
		{ 1024, 9215, 2000 },
		{ 9216, 17407, 0 },
		{ 1000, 5431, QUARANTINE },
		{ 65000, 65535, 500 },
		{ 0, 3000, 500 },
		{ 2000, 2000, 100 },
		{ 2015, 2117, 100 },
		{ 0, 65535, 1000 },
	};
	uint32_t steps = cases(1000000) / RTE_DIM(t);
	uint64_t start = rte_rdtsc();

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(t); i++)
		run_model(t[i].first, t[i].last, t[i].quarantine_ms, steps);
	print_message("%.2f s\n", (double)(rte_rdtsc() - start) / rte_get_tsc_hz());
}

/* What taking costs. */

/* Take ports at random until `percent` of the pool is taken. */
static void
fill(struct pst_portpool *pool, uint32_t percent)
{
	uint32_t size = pst_portpool_free_count(pool);

	while (pst_portpool_used(pool) * 100 < size * percent)
		assert_true(pst_portpool_take(pool, 1, ALICE, &rng, START) >= 0);
}

/* Take and put back runs of n; prints ns, returns words read a take. */
static double
measure(uint32_t percent, uint32_t n, uint32_t quarantine_ms)
{
	struct pst_portpool *pool = make(1024, 65535, quarantine_ms);
	uint32_t rounds = cases(200000), done = 0;
	uint64_t taking = 0, putting = 0, before;
	static int ports[64];
	double ns = 1e9 / rte_get_tsc_hz();

	fill(pool, percent);
	before = pst_portpool_words_read(pool);
	for (uint32_t i = 0; i < rounds; i += RTE_DIM(ports)) {
		uint64_t t0 = rte_rdtsc(), t1;

		for (uint32_t k = 0; k < RTE_DIM(ports); k++)
			ports[k] = n == 1 ? pst_portpool_take_port(pool, k, ALICE, &rng, START + i)
					  : pst_portpool_take(pool, n, ALICE, &rng, START + i);
		t1 = rte_rdtsc();
		taking += t1 - t0;
		for (uint32_t k = 0; k < RTE_DIM(ports); k++)
			if (ports[k] >= 0)
				pst_portpool_put(pool, ports[k], n, ALICE, START + i);
		putting += rte_rdtsc() - t1;
		done += RTE_DIM(ports);
	}
	before = pst_portpool_words_read(pool) - before;
	print_message("%2u %% full, n = %2u, rest %3u s: take %6.1f, put %6.1f ns, %6.1f words\n",
		percent, n, quarantine_ms / 1000, taking * ns / done, putting * ns / done,
		(double)before / done);
	pst_portpool_destroy(pool);
	return (double)before / done;
}

static void
a_port_of_a_full_pool_costs_a_few_words_more(void **state)
{
	static const uint32_t percents[] = { 0, 50, 90, 99 }, sizes[] = { 1, 2, 64 };
	double words[3][4];

	(void)state;
	for (uint32_t s = 0; s < 3; s++)
		for (uint32_t p = 0; p < 4; p++)
			words[s][p] = measure(percents[p], sizes[s], 0);
	for (uint32_t p = 0; p < 4; p++)
		measure(percents[p], 1, QUARANTINE);
	assert_true(words[0][3] <= 8 * words[0][0]);
	for (uint32_t s = 0; s < 3; s++)
		assert_true(words[s][3] <= 1024 + 1);
}

/* A guess that is wrong costs time alone; so is one where a rest ends in between. */
static void
what_is_guessed_is_what_is_taken(void **state)
{
	static const uint32_t quarantines[] = { 0, QUARANTINE };

	(void)state;
	for (uint32_t q = 0; q < RTE_DIM(quarantines); q++) {
		struct pst_portpool *pool = make(1024, 5119, quarantines[q]);
		uint16_t taken[4096];
		uint32_t n = 0;

		for (uint32_t k = 0; k < 40000; k++) {
			uint16_t inside = pst_rng_below(&rng, 65536);
			struct pst_rng ahead;
			int guess, port;

			if (n == 4000 || (n > 0 && pst_rng_below(&rng, 4) == 0)) {
				uint32_t i = pst_rng_below(&rng, n);

				pst_portpool_put(pool, taken[i], 1, ALICE + i % 7, START);
				taken[i] = taken[--n];
				continue;
			}
			ahead = rng;
			guess = pst_portpool_prefetch_take(pool, inside, BOB, &ahead);
			port = pst_portpool_take_port(pool, inside, BOB, &rng, START);
			assert_true(port > 0);
			if (guess >= 0)
				assert_int_equal(guess, port);
			else
				assert_int_not_equal(port & 1, inside & 1);
			assert_memory_equal(&ahead, &rng, guess >= 0 ? sizeof(rng) : 0);
			taken[n++] = port;
		}
		while (n > 0)
			pst_portpool_put(pool, taken[--n], 1, ALICE, START);
		finish(pool);
	}
}

static int
set_up(void **state)
{
	(void)state;
	test_eal_init(64);
	pst_lcore_set_role(PST_ROLE_WORKER, 3);
	pst_rng_init(&rng, 20261123);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_backwards_is_refused),
		cmocka_unit_test(a_run_of_none_or_too_many_is_refused),
		cmocka_unit_test(run_of_two_starts_even),
		cmocka_unit_test(exhausted_pool_says_so),
		cmocka_unit_test(run_near_the_end_stays_inside),
		cmocka_unit_test(all_65536_ports_can_be_a_pool),
		cmocka_unit_test(parity_is_kept_while_it_can_be),
		cmocka_unit_test(fixed_port_is_that_port_or_none),
		cmocka_unit_test(freed_port_rests_before_another_client_has_it),
		cmocka_unit_test(quarantine_starves_nobody),
		cmocka_unit_test(same_client_may_have_its_port_again),
		cmocka_unit_test(run_of_rested_ports_comes_before_a_resting_one),
		cmocka_unit_test(put_of_what_is_not_taken_changes_nothing),
		cmocka_unit_test(ports_are_spread_evenly),
		cmocka_unit_test(pool_does_what_the_naive_model_does),
		cmocka_unit_test(a_port_of_a_full_pool_costs_a_few_words_more),
		cmocka_unit_test(what_is_guessed_is_what_is_taken),
	};

	return cmocka_run_group_tests_name("nat-portpool", tests, set_up, NULL);
}
