/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 5508: queries, and what is refused by ICMP. */
#include "rfc.h"

static void
rfc5508_req1_pings_go_out_and_answers_come_back(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start_plain(workers);

		for (uint16_t id = 0; id < 32; id++) {
			struct pkt out = leaves(b, query(CLIENT + id % 3, SERVER, id)), back, got;

			assert_int_equal(out.src, OUTSIDE);
			back = answer_to(&out);
			assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
			assert_int_equal(got.dst, CLIENT + id % 3);
			assert_int_equal(got.sport, id);
		}
		box_fini(b);
	}
}

static void
rfc5508_req1a_all_destinations_see_one_identifier(void **state)
{
	struct box *b = start_plain(2);
	uint16_t id = leaves(b, query(CLIENT, SERVER, 77)).sport;

	(void)state;
	for (uint32_t i = 1; i < 20; i++)
		assert_int_equal(leaves(b, query(CLIENT, SERVER + i, 77)).sport, id);
	box_fini(b);
}

static void
rfc5508_req2_an_answer_may_take_a_minute(void **state)
{
	struct box *b = start_plain(1);
	struct pkt out = leaves(b, query(CLIENT, SERVER, 77));

	(void)state;
	box_pass(b, MINUTES(1) - SECONDS(1));
	assert_true(comes_in(b, answer_to(&out)));
	box_fini(b);
}

static void
rfc5508_req2a_the_time_is_a_setting(void **state)
{
	struct pst_config c;
	struct pkt out;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.timeouts.icmp = 200;
	b = start(&c);
	out = leaves(b, query(CLIENT, SERVER, 77));
	box_pass(b, SECONDS(199));
	assert_true(comes_in(b, answer_to(&out)));
	box_pass(b, SECONDS(4));
	assert_false(comes_in(b, answer_to(&out)));
	box_fini(b);
}

/* Put it in with a byte of its data changed behind the checksum. */
static void
put_damaged(struct box *b, int port, const struct pkt *p)
{
	struct rte_mbuf *m;
	void *obj;

	box_put(b, port, p);
	for (uint32_t q = 0; q < b->n_queues; q++) {
		if (rte_ring_dequeue(b->rx[port][q], &obj) != 0)
			continue;
		m = obj;
		*rte_pktmbuf_mtod_offset(m, uint8_t *, rte_pktmbuf_data_len(m) - 1) ^= 1;
		assert_int_equal(rte_ring_enqueue(b->rx[port][q], m), 0);
	}
	box_settle(b);
}

static void
rfc5508_req3_a_wrong_checksum_is_dropped_silently(void **state)
{
	struct box *b = start_plain(2);
	struct pkt in = query(CLIENT, SERVER, 77), out = leaves(b, in), back = answer_to(&out);

	(void)state;
	put_damaged(b, BOX_INSIDE, &in);
	put_damaged(b, BOX_OUTSIDE, &back);
	is_silent(b);
	assert_int_equal(box_drops(b, PST_DROP_L4_CHECKSUM), 2);
	assert_true(comes_in(b, back));
	box_fini(b);
}

static void
rfc5508_req8_what_cannot_be_is_refused_with_code_13(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2003;
	c.nat.ports_per_client = 3;
	c.n_rules = 2;
	c.rules[0] = (struct pst_config_rule){
		.name = "not there", .destinations = { { SECOND, SECOND } }, .n_destinations = 1
	};
	c.rules[1] = (struct pst_config_rule){ .name = "rest", .allow = true };
	b = start(&c);
	is_refused(b, udp(CLIENT, 5000, SECOND, 53), PST_DROP_RULE, 3, 13);
	for (uint16_t i = 0; i < 3; i++)
		leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
	is_refused(b, udp(CLIENT, 5003, SERVER, 53), PST_DROP_CLIENT_PORTS, 3, 13);
	leaves(b, udp(OTHER_CLIENT, 5000, SERVER, 53));
	is_refused(b, udp(OTHER_CLIENT, 5001, SERVER, 53), PST_DROP_NO_PORT, 3, 13);
	box_fini(b);
}

static void
rfc5508_req11_other_messages_are_dropped_and_counted(void **state)
{
	static const uint8_t types[] = { 4, 9, 10, 13, 14, 15, 16, 17, 18, 30, 42 };
	struct box *b = start_plain(1);
	struct pkt out = leaves(b, query(CLIENT, SERVER, 77));

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(types); i++) {
		struct pkt in = query(CLIENT, SERVER, 78), back = answer_to(&out);
		struct rte_mbuf *m;

		in.icmp_type = back.icmp_type = types[i];
		box_put(b, BOX_INSIDE, &in);
		box_put(b, BOX_OUTSIDE, &back);
		box_settle(b);
		m = box_get(b, BOX_INSIDE);
		assert_null(m);
		m = box_get(b, BOX_OUTSIDE);
		assert_null(m);
	}
	assert_true(comes_in(b, answer_to(&out)));
	box_fini(b);
}

RULE_TESTS(cmocka_unit_test(rfc5508_req1_pings_go_out_and_answers_come_back),
	cmocka_unit_test(rfc5508_req1a_all_destinations_see_one_identifier),
	cmocka_unit_test(rfc5508_req2_an_answer_may_take_a_minute),
	cmocka_unit_test(rfc5508_req2a_the_time_is_a_setting),
	cmocka_unit_test(rfc5508_req3_a_wrong_checksum_is_dropped_silently),
	cmocka_unit_test(rfc5508_req8_what_cannot_be_is_refused_with_code_13),
	cmocka_unit_test(rfc5508_req11_other_messages_are_dropped_and_counted))
