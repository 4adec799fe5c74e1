/* SPDX-License-Identifier: BSD-3-Clause */
/* The port plan: who has which ports, both ways, against giving them out one by one. */
#include "nat/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "base/rng.h"
#include "worker/steer.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* Odd ends, two groups, the second's clients partly of the first too. */
static const struct pst_rule_range some[] = { { IP(10, 0, 9, 3), IP(10, 0, 9, 77) },
	{ IP(10, 0, 2, 0), IP(10, 0, 2, 130) } };
static const struct pst_rule_range all[] = { { IP(10, 0, 0, 0), IP(10, 0, 3, 255) },
	{ IP(10, 0, 9, 0), IP(10, 0, 9, 255) }, { IP(192, 168, 7, 9), IP(192, 168, 7, 9) } };
static const struct pst_port_plan_group groups[] = { { some, 2, 12, 3 }, { all, 3, 0, 12 } };

static void
make(struct pst_port_plan *plan, struct pst_steer *steer, uint32_t workers, uint32_t block,
	uint16_t first, uint16_t last)
{
	struct pst_port_plan_params params = { .n_workers = workers,
		.port_first = first,
		.port_last = last,
		.block_size = block,
		.groups = groups,
		.n_groups = 2 };

	assert_int_equal(pst_steer_init(steer, workers), 0);
	memcpy(params.in_slot, steer->in_slot, sizeof(params.in_slot));
	memcpy(params.out_slot, steer->out_slot, sizeof(params.out_slot));
	pst_port_plan_init(plan, &params);
}

static uint32_t
group_of(uint32_t client)
{
	for (uint32_t i = 0; i < RTE_DIM(some); i++) {
		if (client >= some[i].first && client <= some[i].last)
			return 0;
	}
	return 1;
}

/* What the plan says it is: the nth client of a worker, the nth of its blocks. */
static void
assert_plan(const struct pst_port_plan *plan, const struct pst_steer *steer, uint32_t g)
{
	static struct {
		uint32_t address;
		uint32_t port;
	} next[PST_WORKERS_MAX];
	const struct pst_port_plan_params *p = &plan->params;

	for (uint32_t w = 0; w < p->n_workers; w++) {
		next[w].address = groups[g].first;
		next[w].port = 0;
	}
	for (uint32_t i = 0; i < groups[g].n_clients; i++) {
		for (uint32_t ip = groups[g].clients[i].first; ip <= groups[g].clients[i].last; ip++) {
			uint32_t w = pst_steer_inside(steer, ip), address, client;
			uint32_t port = next[w].port;
			uint16_t first;

			while (port < p->port_first || port + p->block_size - 1 > p->port_last ||
				pst_steer_outside(steer, port) != w) {
				port += p->block_size;
				if (port >= 65536) {
					port = 0;
					next[w].address++;
				}
			}
			next[w].port = port + p->block_size;
			if (next[w].port >= 65536) {
				next[w].port = 0;
				next[w].address++;
			}
			if (g != group_of(ip))
				continue; /* it has one, and this stays unused */
			assert_true(pst_port_plan_block(plan, ip, &address, &first));
			assert_int_equal(first, port);
			assert_true(address - groups[g].first < groups[g].n);
			for (uint32_t k = 0; k < p->block_size; k += p->block_size / 4 - 1) {
				assert_true(pst_port_plan_client(plan, address, first + k, &client));
				assert_int_equal(client, ip);
			}
		}
	}
}

static void
each_client_has_ports_of_its_worker(void **state)
{
	static struct pst_port_plan plan;
	struct pst_steer steer;

	(void)state;
	for (uint32_t workers = 1; workers <= 7; workers++) {
		for (uint32_t block = 16; block <= 1024; block *= 2) {
			make(&plan, &steer, workers, block, 1024, 65535);
			for (uint32_t g = 0; g < 2; g++) {
				if (pst_port_plan_fits(&plan, g))
					assert_plan(&plan, &steer, g);
				else
					assert_true(block > 256);
			}
		}
	}
}

static void
what_is_not_in_the_plan_has_nothing(void **state)
{
	static struct pst_port_plan plan;
	struct pst_steer steer;
	uint32_t address, client;
	uint64_t clients, blocks;
	uint16_t first;

	(void)state;
	make(&plan, &steer, 2, 64, 2000, 65535);
	assert_false(pst_port_plan_block(&plan, IP(10, 0, 4, 0), &address, &first));
	assert_false(pst_port_plan_block(&plan, IP(9, 255, 255, 255), &address, &first));
	assert_true(pst_port_plan_block(&plan, IP(192, 168, 7, 9), &address, &first));
	/* below the first whole block of the range of ports, and in it; of no address */
	assert_false(pst_port_plan_client(&plan, 0, 2047, &client));
	assert_true(pst_port_plan_client(&plan, 0, 2048, &client));
	assert_false(pst_port_plan_client(&plan, 15, 2048, &client));
	/* of an address that no client of the group is left for */
	assert_false(pst_port_plan_client(&plan, 11, 65000, &client));
	pst_port_plan_count(&plan, 0, &clients, &blocks);
	assert_int_equal(clients, 75 + 131);
	assert_int_equal(blocks, 3 * 62 * 16);
	assert_true(pst_port_plan_fits(&plan, 0));
}

/* As many clients as blocks, and one more. */
static void
what_does_not_fit_is_known(void **state)
{
	static struct pst_port_plan plan;
	struct pst_port_plan_group group = { .n_clients = 1, .n = 1 };
	struct pst_rule_range range = { IP(10, 0, 0, 0), IP(10, 0, 0, 63) };
	struct pst_steer steer;
	uint32_t address;
	uint16_t first;

	(void)state;
	make(&plan, &steer, 1, 1024, 1024, 65535);
	group.clients = &range;
	plan.params.groups = &group;
	plan.params.n_groups = 1;
	assert_false(pst_port_plan_fits(&plan, 0)); /* 64, and 63 blocks */
	assert_false(pst_port_plan_block(&plan, range.last, &address, &first));
	assert_true(pst_port_plan_block(&plan, range.last - 1, &address, &first));
	assert_int_equal(first, 64512);
	range.last--;
	assert_true(pst_port_plan_fits(&plan, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_ports_of_its_worker),
		cmocka_unit_test(what_is_not_in_the_plan_has_nothing),
		cmocka_unit_test(what_does_not_fit_is_known),
	};

	return cmocka_run_group_tests_name("nat-plan", tests, NULL, NULL);
}
