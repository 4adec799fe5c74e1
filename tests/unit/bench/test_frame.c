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
		.sizes = { size },
		.n_sizes = 1,
	};
}

static enum pst_fault
check_flow(const uint8_t *data, const struct pst_frame_base *base, const struct pst_plan *plan,
	uint32_t flow)
{
	struct pst_endpoint4 client = pst_plan_client(plan, flow);
	struct pst_endpoint4 server = pst_plan_server(plan, flow);

	return pst_frame_check(data, base->len, base->tag_len > 0, plan, &client, &server);
}

static void
make_flow(uint8_t *data, struct pst_frame_base *base, const struct pst_plan *plan, uint32_t flow,
	const struct pst_frame_shape *shape)
{
	pst_frame_base_init(base, &maker_mac, &port_mac, shape);
	pst_frame_make(data, base, flow, pst_plan_client(plan, flow),
		pst_plan_server(plan, flow));
}

static void
every_frame_made_is_sound(void **state)
{
	static const uint16_t sizes[] = { 60, 61, 512, 1514 };

	(void)state;
	for (size_t s = 0; s < 2 * RTE_DIM(sizes); s++) {
		struct pst_frame_shape shape = { .size = sizes[s / 2], .tagged = s % 2 != 0 };
		struct pst_plan plan = plan_of(16, shape.size);
		alignas(64) uint8_t data[2048] = { 0 };
		struct pst_frame_base base;

		for (uint32_t flow = 0; flow < plan.flows; flow++) {
			shape.part = flow % PST_FRAME_PARTS;
			make_flow(data, &base, &plan, flow, &shape);
			assert_int_equal(base.len, shape.size + (shape.tagged ? 4 : 0));
			assert_int_equal(check_flow(data, &base, &plan, flow), PST_FAULT_NONE);
		}
	}
}

static void
every_flipped_bit_behind_the_macs_is_found(void **state)
{
	struct pst_plan plan = plan_of(4, 60);
	alignas(64) uint8_t data[64];
	struct pst_frame_base base;

	(void)state;
	for (int i = 0; i < 2 * PST_FRAME_PARTS; i++) {
		struct pst_frame_shape shape = { .size = 60, .part = i / 2, .tagged = i % 2 != 0 };

		for (uint32_t bit = 12 * 8; bit < 60 * 8 + (shape.tagged ? 32 : 0); bit++) {
			make_flow(data, &base, &plan, 7, &shape);
			data[bit / 8] ^= 1 << bit % 8;
			assert_int_not_equal(check_flow(data, &base, &plan, 7), PST_FAULT_NONE);
		}
	}
}

static void
every_flipped_bit_of_a_tail_is_found(void **state)
{
	static const uint16_t sizes[] = { 61, 64, 65, 590, 1514 };
	alignas(64) uint8_t data[2048] = { 0 };

	(void)state;
	for (size_t s = 0; s < 2 * RTE_DIM(sizes); s++) {
		struct pst_frame_shape shape = { .size = sizes[s / 2], .tagged = s % 2 != 0 };
		struct pst_plan plan = plan_of(4, shape.size);
		struct pst_frame_base base;
		uint32_t begin = 60 + (shape.tagged ? 4 : 0);

		make_flow(data, &base, &plan, 7, &shape);
		assert_int_equal(
			pst_frame_check_tail(data, base.len, shape.tagged), PST_FAULT_NONE);
		for (uint32_t bit = begin * 8; bit < base.len * 8u; bit++) {
			data[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(pst_frame_check_tail(data, base.len, shape.tagged),
				PST_FAULT_TAIL);
			data[bit / 8] ^= 1 << bit % 8;
		}
	}
}

static void
a_tag_lost_or_gained_is_found(void **state)
{
	struct pst_plan plan = plan_of(4, 60);
	struct pst_frame_shape shape = { .size = 60 };
	struct pst_frame_base tagged, untagged;
	alignas(64) uint8_t data[128] = { 0 };

	(void)state;
	make_flow(data, &untagged, &plan, 7, &shape);
	shape.tagged = true;
	pst_frame_base_init(&tagged, &maker_mac, &port_mac, &shape);
	assert_int_equal(check_flow(data, &tagged, &plan, 7), PST_FAULT_ETHER);
	assert_true(pst_frame_number(pst_frame_at(data, false)) < PST_FRAME_SIZES);
	assert_false(pst_frame_number(pst_frame_at(data, true)) < PST_FRAME_SIZES);
	make_flow(data, &tagged, &plan, 7, &shape);
	assert_int_equal(check_flow(data, &untagged, &plan, 7), PST_FAULT_ETHER);
	assert_true(pst_frame_number(pst_frame_at(data, true)) < PST_FRAME_SIZES);
	assert_false(pst_frame_number(pst_frame_at(data, false)) < PST_FRAME_SIZES);
}

static void
a_router_moves_a_tag_that_a_bridge_leaves(void **state)
{
	struct pst_plan plan = { .tagged = { true, false } };

	(void)state;
	assert_true(pst_plan_sends_tagged(&plan, 0));
	assert_false(pst_plan_sends_tagged(&plan, 1));
	plan.bridged = true;
	assert_false(pst_plan_sends_tagged(&plan, 0));
	assert_true(pst_plan_sends_tagged(&plan, 1));
}

static void
a_frame_of_another_size_is_found(void **state)
{
	struct pst_plan plan = plan_of(4, 60);
	struct pst_frame_shape shape = { .size = 590, .number = 1 };
	alignas(64) uint8_t data[2048] = { 0 };
	struct pst_frame_base base;

	(void)state;
	make_flow(data, &base, &plan, 7, &shape);
	assert_int_equal(check_flow(data, &base, &plan, 7), PST_FAULT_LENGTH);
	plan.n_sizes = 2;
	plan.sizes[1] = 590;
	assert_int_equal(check_flow(data, &base, &plan, 7), PST_FAULT_NONE);
	base.len++;
	assert_int_equal(check_flow(data, &base, &plan, 7), PST_FAULT_LENGTH);
}

static void
sizes_are_mixed_seven_to_four_to_one(void **state)
{
	struct pst_plan plan = plan_of(4, 60);
	uint32_t random = 0, counts[PST_FRAME_SIZES] = { 0 }, changes = 0, last = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(pst_plan_draw(&plan, &random), 0);
	plan.n_sizes = PST_FRAME_SIZES;
	for (uint32_t i = 0; i < 120000; i++) {
		uint32_t number = pst_plan_draw(&plan, &random);

		counts[number]++;
		changes += number != last;
		last = number;
	}
	assert_in_range(counts[0], 69000, 71000);
	assert_in_range(counts[1], 39000, 41000);
	assert_in_range(counts[2], 9500, 10500);
	assert_in_range(changes, 60000, 70000); /* 65,000: 1 - (49 + 16 + 1) / 144 of them */
}

static void
a_frame_of_another_flow_is_found(void **state)
{
	struct pst_plan plan = plan_of(8, 60);
	struct pst_frame_shape shape = { .size = 60 };
	alignas(64) uint8_t data[64];
	struct pst_frame_base base;

	(void)state;
	make_flow(data, &base, &plan, 0x10, &shape);
	assert_int_equal(check_flow(data, &base, &plan, 0x20), PST_FAULT_ADDRESS);
	assert_int_equal(check_flow(data, &base, &plan, 0x14), PST_FAULT_PORT);
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
		cmocka_unit_test(every_flipped_bit_behind_the_macs_is_found),
		cmocka_unit_test(every_flipped_bit_of_a_tail_is_found),
		cmocka_unit_test(a_tag_lost_or_gained_is_found),
		cmocka_unit_test(a_router_moves_a_tag_that_a_bridge_leaves),
		cmocka_unit_test(a_frame_of_another_size_is_found),
		cmocka_unit_test(sizes_are_mixed_seven_to_four_to_one),
		cmocka_unit_test(a_frame_of_another_flow_is_found),
		cmocka_unit_test(a_round_has_every_flow_once),
		cmocka_unit_test(rounds_and_ports_differ_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
