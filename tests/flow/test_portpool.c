/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports 1024 to 65535, as 1, 2, 4 and 8 workers own them: every worker
 * finds each block of every size that a scan port by port would find.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "base/lcore.h"
#include "base/rng.h"
#include "eal.h"
#include "nat/portpool.h"
#include "worker/steer.h"

#define FIRST_PORT 1024
#define PORTS 65536
#define CLIENT 0x0a000001
#define QUARANTINE 120000

static struct pst_rng rng;

/* What all workers have taken, a byte a port. */
static uint8_t taken[PORTS];

static struct pst_port_rests *rests; /* of all workers together */

struct share {
	struct pst_lcore_role role;
	struct pst_portpool *pool;
	uint16_t first, last;
};

static void
be(const struct share *s)
{
	pst_lcore_set_role(s->role.kind, s->role.index);
}

static void
make_shares(struct share *shares, uint32_t n_workers, uint32_t quarantine_ms)
{
	struct pst_steer steer;

	rests = pst_port_rests_create(FIRST_PORT, UINT16_MAX, 0);
	assert_non_null(rests);
	assert_int_equal(pst_steer_init(&steer, n_workers), 0);
	for (uint32_t w = 0; w < n_workers; w++) {
		struct share *s = &shares[w];
		uint64_t runs = pst_steer_runs(&steer, w);

		s->role = (struct pst_lcore_role){ PST_ROLE_WORKER, w };
		s->first = RTE_MAX(__builtin_ctzll(runs) * 1024, FIRST_PORT);
		s->last = (64 - __builtin_clzll(runs)) * 1024 - 1;
		be(s);
		s->pool = pst_portpool_create_of(&(struct pst_portpool_params){
			.first = FIRST_PORT,
			.last = UINT16_MAX,
			.runs = runs,
			.quarantine_ms = quarantine_ms,
			.rests = rests,
			.owner = &s->role });
		assert_non_null(s->pool);
	}
	memset(taken, 0, sizeof(taken));
}

static void
drop_shares(struct share *shares, uint32_t n_workers)
{
	for (uint32_t w = 0; w < n_workers; w++) {
		be(&shares[w]);
		assert_int_equal(pst_portpool_used(shares[w].pool), 0);
		pst_portpool_destroy(shares[w].pool);
	}
	pst_port_rests_destroy(rests);
}

/* Some single ports in use, so that blocks have to be found between them. */
static void
take_singles(struct share *s, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		int port = pst_portpool_take_port(s->pool, i, CLIENT, &rng, 1000);

		assert_true(port >= s->first && port <= s->last);
		assert_int_equal(taken[port], 0);
		taken[port] = 1;
	}
}

/* How many aligned blocks of n are free, counted port by port. */
static uint32_t
count_blocks(const struct share *s, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t low = 0; low + n - 1 <= s->last; low += n)
		if (low >= s->first && memchr(&taken[low], 1, n) == NULL)
			count++;
	return count;
}

static void
take_block(struct share *s, uint32_t n)
{
	int port = pst_portpool_take(s->pool, n, CLIENT, &rng, 1000);

	assert_true(port >= s->first && port + n - 1 <= s->last);
	assert_int_equal(port % n, 0);
	assert_null(memchr(&taken[port], 1, n));
	memset(&taken[port], 1, n);
}

/* Take every block of n there is, and put it all back. */
static void
exhaust(struct share *s, uint32_t n, uint32_t singles)
{
	uint32_t blocks;

	be(s);
	take_singles(s, singles);
	blocks = count_blocks(s, n);
	for (uint32_t i = 0; i < blocks; i++)
		take_block(s, n);
	assert_int_equal(pst_portpool_take(s->pool, n, CLIENT, &rng, 1000), -ENOSPC);
	assert_int_equal(pst_portpool_used(s->pool), singles + blocks * n);
	for (uint32_t port = s->first; port <= s->last; port++)
		assert_int_equal(pst_portpool_is_taken(s->pool, port), taken[port]);
	pst_portpool_put(s->pool, s->first, s->last - s->first + 1, CLIENT, 1000);
	memset(&taken[s->first], 0, s->last - s->first + 1);
}

/* PST_CASES: how many of the 1024 sizes, for builds that are slow. */
static uint32_t
size_step(void)
{
	const char *text = getenv("PST_CASES");
	uint32_t n = text != NULL ? strtoul(text, NULL, 0) : 0;

	return n > 0 && n < PST_PORT_RUN_MAX ? PST_PORT_RUN_MAX / n : 1;
}

static void
exhaust_all(uint32_t n_workers, uint32_t singles, uint32_t quarantine_ms)
{
	uint64_t start = rte_rdtsc();
	struct share shares[8];

	make_shares(shares, n_workers, quarantine_ms);
	for (uint32_t n = 1; n <= PST_PORT_RUN_MAX; n += size_step())
		for (uint32_t w = 0; w < n_workers; w++)
			exhaust(&shares[w], n, singles / n_workers);
	drop_shares(shares, n_workers);
	print_message("%u workers, %u ports in use: %.2f s\n", n_workers, singles,
		(double)(rte_rdtsc() - start) / rte_get_tsc_hz());
}

static void
one_worker_gives_every_block(void **state)
{
	(void)state;
	exhaust_all(1, 0, 0);
}

static void
two_workers_give_every_block(void **state)
{
	(void)state;
	exhaust_all(2, 0, 0);
}

static void
four_workers_give_every_block(void **state)
{
	(void)state;
	exhaust_all(4, 0, 0);
}

static void
eight_workers_give_every_block(void **state)
{
	(void)state;
	exhaust_all(8, 0, 0);
}

static void
blocks_are_found_between_single_ports(void **state)
{
	(void)state;
	exhaust_all(1, 64, 0);
	exhaust_all(4, 512, 0);
	exhaust_all(8, 4096, 0);
}

static void
blocks_of_resting_ports_are_found_too(void **state)
{
	struct share s;

	(void)state;
	make_shares(&s, 1, QUARANTINE);
	for (uint32_t n = 1; n <= PST_PORT_RUN_MAX; n += RTE_MAX(37u, size_step()))
		exhaust(&s, n, 200);
	drop_shares(&s, 1);
}

/* So any n has blocks on every worker, however many there are (up to 8). */
static void
every_worker_has_a_block_of_every_size(void **state)
{
	struct share shares[8];

	(void)state;
	make_shares(shares, 8, 0);
	for (uint32_t w = 0; w < 8; w++)
		for (uint32_t n = 1; n <= PST_PORT_RUN_MAX; n++)
			assert_true(count_blocks(&shares[w], n) > 0);
	drop_shares(shares, 8);
}

static int
set_up(void **state)
{
	(void)state;
	test_eal_init(64);
	pst_rng_init(&rng, 1024);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_gives_every_block),
		cmocka_unit_test(two_workers_give_every_block),
		cmocka_unit_test(four_workers_give_every_block),
		cmocka_unit_test(eight_workers_give_every_block),
		cmocka_unit_test(blocks_are_found_between_single_ports),
		cmocka_unit_test(blocks_of_resting_ports_are_found_too),
		cmocka_unit_test(every_worker_has_a_block_of_every_size),
	};

	return cmocka_run_group_tests_name("portpool", tests, set_up, NULL);
}
