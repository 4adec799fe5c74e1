/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real traffic through real workers, by a NIC that sorts as steer.h tells it: packets of ports
 * that the pool gave meet their owner, both ways, and no worker hands any to another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_common.h>

#include "eal.h"
#include "stepped.h"

#define FLOWS 256 /* of each worker */

static const uint32_t counts[] = { 2, 4, 8 }; /* of workers */

static struct pst_stepped_result
run(const struct pst_stepped_params *params)
{
	struct pst_stepped *s = pst_stepped_create(params);
	struct pst_stepped_result r;

	assert_non_null(s);
	pst_stepped_open(s);
	pst_stepped_forward(s);
	pst_stepped_forward(s);
	r = pst_stepped_result(s);
	pst_stepped_destroy(s);
	assert_true(r.packets >= 5 * params->flows);
	assert_int_equal(r.wrong, 0);
	return r;
}

static void
hands_nothing_over(bool tcp, uint32_t port_block)
{
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		const struct pst_stepped_params params = { .workers = counts[i],
			.flows = FLOWS * counts[i],
			.port_block = port_block,
			.tcp = tcp,
			.server_port = 4433 };

		assert_int_equal(run(&params).handed_over, 0);
	}
}

static void
datagrams_of_single_ports_meet_their_owner(void **state)
{
	(void)state;
	hands_nothing_over(false, 0);
}

static void
datagrams_of_port_blocks_meet_their_owner(void **state)
{
	(void)state;
	hands_nothing_over(false, 64);
}

static void
segments_of_single_ports_meet_their_owner(void **state)
{
	(void)state;
	hands_nothing_over(true, 0);
}

static void
segments_of_port_blocks_meet_their_owner(void **state)
{
	(void)state;
	hands_nothing_over(true, 64);
}

static void
one_worker_owns_all(void **state)
{
	const struct pst_stepped_params params = {
		.workers = 1, .flows = FLOWS, .any_queue = true, .server_port = 4433
	};

	(void)state;
	assert_int_equal(run(&params).handed_over, 0);
}

/* What the counter says where it has something to say. */
static void
another_nic_has_them_handed_over_and_all_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		const struct pst_stepped_params params = { .workers = counts[i],
			.flows = FLOWS * counts[i],
			.tcp = i % 2 == 0,
			.any_queue = true,
			.server_port = 4433 };
		struct pst_stepped_result r = run(&params);

		assert_in_range(r.handed_over, r.packets / 4, r.packets);
	}
}

static int
set_up(void **state)
{
	(void)state;
	test_eal_init(768);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_single_ports_meet_their_owner),
		cmocka_unit_test(datagrams_of_port_blocks_meet_their_owner),
		cmocka_unit_test(segments_of_single_ports_meet_their_owner),
		cmocka_unit_test(segments_of_port_blocks_meet_their_owner),
		cmocka_unit_test(one_worker_owns_all),
		cmocka_unit_test(another_nic_has_them_handed_over_and_all_arrive),
	};

	return cmocka_run_group_tests_name("steering", tests, set_up, NULL);
}
