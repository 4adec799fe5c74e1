/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"

static const struct rte_ether_addr maker_mac = { { 0x02, 0, 0, 0, 0, 1 } };
static const struct rte_ether_addr port_mac = { { 0x02, 0, 0, 0, 0, 2 } };

static struct pst_plan
plan_of(uint32_t bits, uint16_t size)
{
	return (struct pst_plan){
		.flows = 1u << bits,
		.bits = bits,
		.per_client_bits = 4,
		.servers = 4,
		.client_net = pst_ipv4(10, 0, 1, 0),
		.server_net = pst_ipv4(203, 0, 113, 1),
		.server_port = 4000,
		.size = size,
	};
}

static enum pst_fault
check_flow(struct pst_frame *frame, const struct pst_plan *plan, uint32_t flow)
{
	struct pst_endpoint4 client = pst_plan_client(plan, flow);
	struct pst_endpoint4 server = pst_plan_server(plan, flow);

	return pst_frame_check(frame, plan->size, plan, &client, &server);
}

static void
make_flow(void *data, const struct pst_plan *plan, uint32_t flow, enum pst_frame_part part)
{
	struct pst_frame_base base;

	pst_frame_base_init(&base, &maker_mac, &port_mac, plan->size, part);
	pst_frame_make(data, &base, flow, pst_plan_client(plan, flow),
		pst_plan_server(plan, flow));
}

static void
every_frame_made_is_sound(void **state)
{
	static const uint16_t sizes[] = { 60, 61, 512, 1514 };

	(void)state;
	for (size_t s = 0; s < RTE_DIM(sizes); s++) {
		struct pst_plan plan = plan_of(16, sizes[s]);
		alignas(64) uint8_t data[2048] = { 0 };

		for (uint32_t flow = 0; flow < plan.flows; flow++) {
			make_flow(data, &plan, flow, flow % (PST_FRAME_TO_CLIENT + 1));
			assert_int_equal(check_flow((void *)data, &plan, flow), PST_FAULT_NONE);
		}
	}
}

static void
every_flipped_bit_behind_ethernet_is_found(void **state)
{
	struct pst_plan plan = plan_of(4, 60);
	alignas(64) uint8_t data[64];

	(void)state;
	for (uint32_t bit = 14 * 8; bit < 60 * 8; bit++) {
		for (int part = PST_FRAME_UDP; part <= PST_FRAME_TO_CLIENT; part++) {
			make_flow(data, &plan, 7, part);
			data[bit / 8] ^= 1 << bit % 8;
			assert_int_not_equal(check_flow((void *)data, &plan, 7), PST_FAULT_NONE);
		}
	}
}

static void
a_frame_of_another_flow_is_found(void **state)
{
	struct pst_plan plan = plan_of(8, 60);
	alignas(64) uint8_t data[64];

	(void)state;
	make_flow(data, &plan, 0x10, PST_FRAME_UDP);
	assert_int_equal(check_flow((void *)data, &plan, 0x20), PST_FAULT_ADDRESS);
	assert_int_equal(check_flow((void *)data, &plan, 0x14), PST_FAULT_PORT);
}

static void
a_round_has_every_flow_once(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits <= 16; bits++) {
		struct pst_plan plan = plan_of(bits, 60);
		uint8_t *seen = calloc(plan.flows, 1);

		assert_non_null(seen);
		for (uint32_t i = 0; i < plan.flows; i++) {
			uint32_t flow = pst_plan_shuffle(&plan, i, 0x9e3779b1u * (bits + 1));

			assert_true(flow < plan.flows);
			assert_int_equal(seen[flow]++, 0);
		}
		free(seen);
	}
}

static void
rounds_and_ports_differ_in_order(void **state)
{
	struct pst_plan plan = plan_of(16, 60);
	uint32_t same = 0;

	(void)state;
	for (uint32_t i = 0; i < plan.flows; i++)
		same += pst_plan_shuffle(&plan, i, 0x9e3779b1u) ==
			pst_plan_shuffle(&plan, i, 2 * 0x9e3779b1u);
	assert_true(same < 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_made_is_sound),
		cmocka_unit_test(every_flipped_bit_behind_ethernet_is_found),
		cmocka_unit_test(a_frame_of_another_flow_is_found),
		cmocka_unit_test(a_round_has_every_flow_once),
		cmocka_unit_test(rounds_and_ports_differ_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
