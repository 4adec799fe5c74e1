/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets through a whole appliance without editors: what is translated, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OTHER IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define F RTE_TCP_FIN_FLAG
#define R RTE_TCP_RST_FLAG

static void
start(struct box *b, uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	box_init(b, &c, 0);
}

static void
a_datagram_goes_out_and_its_answer_comes_back(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 53), out, back, got;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		start(&b, workers);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		assert_int_equal(out.src, OUTSIDE);
		assert_int_equal(out.dst, SERVER);
		assert_int_equal(out.dport, 53);
		assert_int_equal(out.ttl, 63);
		assert_int_equal(out.sport % 2, 5000 % 2); /* RFC 4787 REQ-4 */
		back = pkt_answer(&out);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got));
		assert_int_equal(got.dst, CLIENT);
		assert_int_equal(got.dport, 5000);
		assert_int_equal(got.src, SERVER);
		assert_int_equal(got.ttl, 63);
		box_fini(&b);
	}
}

static void
one_inside_endpoint_has_one_outside_endpoint(void **state)
{
	struct pkt first = pkt_udp(CLIENT, 5000, SERVER, 53), second = pkt_udp(CLIENT, 5000, OTHER, 99);
	struct pkt out1, out2;
	struct box b;

	(void)state;
	start(&b, 2);
	assert_true(box_pass_through(&b, BOX_INSIDE, &first, &out1));
	assert_true(box_pass_through(&b, BOX_INSIDE, &second, &out2));
	assert_int_equal(out1.sport, out2.sport);
	assert_int_equal(box_connections(&b), 2);
	box_fini(&b);
}

static void
filtering_modes_admit_whom_they_should(void **state)
{
	/* who may send to the mapping: the peer's other port; somebody else */
	static const struct {
		enum pst_behaviour mode;
		bool other_port, other_host;
	} cases[] = {
		{ PST_ENDPOINT_INDEPENDENT, true, true },
		{ PST_ADDRESS_DEPENDENT, true, false },
		{ PST_ADDRESS_AND_PORT_DEPENDENT, false, false },
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 53), out, got;
		struct pkt port, host;
		struct pst_config c;
		struct box b;

		box_config(&c, 2, 1);
		c.nat.filtering = cases[i].mode;
		box_init(&b, &c, 0);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		port = pkt_udp(SERVER, 54, OUTSIDE, out.sport);
		host = pkt_udp(OTHER, 53, OUTSIDE, out.sport);
		if (cases[i].other_port)
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &port, &got));
		else
			box_is_dropped(&b, BOX_OUTSIDE, &port, PST_DROP_FILTERED);
		if (cases[i].other_host)
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &host, &got));
		else
			box_is_dropped(&b, BOX_OUTSIDE, &host, PST_DROP_FILTERED);
		box_fini(&b);
	}
}

static void
a_tcp_connection_lives_by_its_timers(void **state)
{
	struct pkt syn = pkt_tcp(CLIENT, 4000, SERVER, 80, S), out, got, synack, ack;
	struct box b;

	(void)state;
	start(&b, 2);
	assert_true(box_pass_through(&b, BOX_INSIDE, &syn, &out));
	synack = pkt_tcp(SERVER, 80, OUTSIDE, out.sport, S | A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &synack, &got));
	assert_int_equal(got.dport, 4000);
	ack = pkt_tcp(CLIENT, 4000, SERVER, 80, A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &ack, &out));
	box_pass(&b, 7400 * 1000); /* RFC 5382 REQ-5: 2 h 4 min */
	assert_int_equal(box_connections(&b), 1);
	box_pass(&b, 42 * 1000);
	assert_int_equal(box_connections(&b), 0);
	box_is_dropped(&b, BOX_INSIDE, &ack, PST_DROP_TCP_NO_SYN);
	box_is_dropped(&b, BOX_OUTSIDE, &synack, PST_DROP_NO_MAPPING);
	box_fini(&b);
}

static void
a_closed_connection_lingers_four_minutes(void **state)
{
	struct pkt p = pkt_tcp(CLIENT, 4000, SERVER, 80, S), out, got;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 1);
	assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
	port = out.sport;
	p = pkt_tcp(SERVER, 80, OUTSIDE, port, S | A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	p = pkt_tcp(CLIENT, 4000, SERVER, 80, F | A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
	p = pkt_tcp(SERVER, 80, OUTSIDE, port, F | A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	box_pass(&b, 238 * 1000);
	assert_int_equal(box_connections(&b), 1);
	box_pass(&b, 4 * 1000);
	assert_int_equal(box_connections(&b), 0);
	box_fini(&b);
}

static void
pings_pass_by_their_identifier(void **state)
{
	struct pkt in = pkt_echo(CLIENT, SERVER, 77, RTE_IP_ICMP_ECHO_REQUEST), out, back, got;
	struct box b;

	(void)state;
	start(&b, 2);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, OUTSIDE);
	back = pkt_answer(&out);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.sport, 77);
	assert_int_equal(got.dst, CLIENT);
	in = pkt_echo(CLIENT, SERVER, 78, RTE_IP_ICMP_ECHO_REPLY); /* to nobody's question */
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_ICMP_TYPE);
	box_fini(&b);
}

static void
the_appliance_answers_pings_to_itself(void **state)
{
	struct pkt in = pkt_echo(CLIENT, IP(10, 1, 1, 254), 5, RTE_IP_ICMP_ECHO_REQUEST), got;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	start(&b, 1);
	box_put(&b, BOX_INSIDE, &in);
	in = pkt_echo(SERVER, OUTSIDE, 5, RTE_IP_ICMP_ECHO_REQUEST);
	box_put(&b, BOX_OUTSIDE, &in);
	box_settle(&b);
	for (int port = 0; port < BOX_PORTS; port++) {
		m = box_get(&b, port);
		assert_non_null(m);
		assert_true(pkt_read(m, &got));
		assert_int_equal(got.icmp_type, RTE_IP_ICMP_ECHO_REPLY);
		rte_pktmbuf_free(m);
	}
	box_fini(&b);
}

static void
a_ttl_that_runs_out_is_said_to_the_sender(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 33434), got;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	start(&b, 1);
	in.ttl = 1;
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_TTL);
	m = box_get(&b, BOX_INSIDE);
	assert_non_null(m);
	assert_true(pkt_read(m, &got));
	assert_int_equal(got.icmp_type, 11);
	assert_int_equal(got.src, IP(10, 1, 1, 254));
	assert_int_equal(got.dst, CLIENT);
	rte_pktmbuf_free(m);
	box_fini(&b);
}

static void
what_does_not_fit_is_said_with_the_mtu(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 9), got;
	struct rte_icmp_hdr *icmp;
	struct rte_mbuf *m;
	struct pst_config c;
	struct pst_view v;
	char data[1450] = "";
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	c.ifaces[BOX_OUTSIDE].mtu = 1400;
	box_init(&b, &c, 0);
	in.data = data;
	in.len = sizeof(data);
	in.df = true;
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_MTU);
	m = box_get(&b, BOX_INSIDE);
	assert_non_null(m);
	assert_true(pkt_read(m, &got));
	assert_int_equal(got.icmp_type, 3);
	assert_int_equal(got.icmp_code, 4);
	pst_view_parse(&v, m);
	icmp = v.l4;
	assert_int_equal(rte_be_to_cpu_16(icmp->icmp_seq_nb), 1400);
	rte_pktmbuf_free(m);
	box_fini(&b);
}

static void
bad_packets_are_dropped_by_reason(void **state)
{
	struct pkt p;
	struct box b;

	(void)state;
	start(&b, 1);
	p = pkt_udp(IP(127, 0, 0, 1), 1, SERVER, 2);
	box_is_dropped(&b, BOX_INSIDE, &p, PST_DROP_BAD_ADDRESS);
	p = pkt_udp(CLIENT, 1, IP(224, 0, 0, 5), 2);
	box_is_dropped(&b, BOX_INSIDE, &p, PST_DROP_BAD_ADDRESS);
	p = pkt_udp(CLIENT, 1, IP(192, 0, 2, 1), 2);
	box_is_dropped(&b, BOX_INSIDE, &p, PST_DROP_NO_ROUTE);
	rte_pktmbuf_free(box_get(&b, BOX_INSIDE)); /* network unreachable */
	p = pkt_udp(CLIENT, 1, OUTSIDE, 2);
	p.proto = IPPROTO_SCTP;
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_IP_PROTOCOL);
	p = pkt_udp(SERVER, 1, OUTSIDE, 2);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_NO_MAPPING);
	p = pkt_udp(SERVER, 1, OUTSIDE, 2);
	p.vlan = 7;
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_VLAN);
	box_fini(&b);
}

static void
put_many(struct box *b, uint32_t to, int n)
{
	struct pkt in = pkt_udp(CLIENT, 5000, to, 53);

	for (int i = 0; i < n; i++) {
		in.id = i;
		in.df = true; /* its identifier stays */
		box_put(b, BOX_INSIDE, &in);
	}
	box_settle(b);
}

static void
a_silent_neighbour_costs_a_few_packets_only(void **state)
{
	struct box b;

	(void)state;
	start(&b, 1);
	b.no_arp = true;
	put_many(&b, SERVER, PST_NEIGH_HELD + 3);
	assert_int_equal(box_drops(&b, PST_DROP_NEIGHBOUR_QUEUE), 3);
	box_pass(&b, 10000);
	assert_int_equal(box_drops(&b, PST_DROP_NO_NEIGHBOUR), PST_NEIGH_HELD);
	box_fini(&b);
}

/* A large datagram in fragments is more than a few packets. */
static void
what_waits_for_a_neighbour_follows_in_order(void **state)
{
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	start(&b, 1);
	b.no_arp = true;
	put_many(&b, SERVER, PST_NEIGH_HELD);
	assert_null(box_get(&b, BOX_OUTSIDE));
	b.no_arp = false;
	box_pass(&b, 1100); /* it is asked again */
	for (int i = 0; i < PST_NEIGH_HELD; i++) {
		struct pst_view v;

		m = box_get(&b, BOX_OUTSIDE);
		assert_non_null(m);
		pst_view_parse(&v, m);
		assert_int_equal(v.kind, PST_VIEW_L4);
		assert_int_equal(rte_be_to_cpu_16(v.ip->packet_id), i);
		rte_pktmbuf_free(m);
	}
	assert_null(box_get(&b, BOX_OUTSIDE));
	box_fini(&b);
}

/* Who asks for many that are not there leaves room for those that are. */
static void
silent_neighbours_leave_room_for_others(void **state)
{
	const int greedy = PST_NEIGH_HELD_ALL / 2 / PST_NEIGH_HELD;
	const int modest = PST_NEIGH_HELD_ALL / 2 / PST_NEIGH_HELD_SURE;
	int dropped = 0;
	struct box b;

	(void)state;
	start(&b, 1);
	b.no_arp = true;
	for (int i = 0; i < greedy + modest + 1; i++) {
		int kept = i < greedy ? PST_NEIGH_HELD : PST_NEIGH_HELD_SURE;

		put_many(&b, SERVER + 10 + i, PST_NEIGH_HELD + 1);
		dropped += PST_NEIGH_HELD + 1 - (i < greedy + modest ? kept : 0);
		assert_int_equal(box_drops(&b, PST_DROP_NEIGHBOUR_QUEUE), dropped);
	}
	box_pass(&b, 10000);
	assert_int_equal(box_drops(&b, PST_DROP_NO_NEIGHBOUR), PST_NEIGH_HELD_ALL);
	b.no_arp = false;
	put_many(&b, SERVER, 1);
	rte_pktmbuf_free(box_get(&b, BOX_OUTSIDE));
	box_fini(&b);
}

static void
quotas_and_an_empty_pool_refuse_new_connections_only(void **state)
{
	struct pkt in, out, got;
	struct pst_config c;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.ports_per_client = 4;
	c.nat.port_first = 2000;
	c.nat.port_last = 2005;
	box_init(&b, &c, 0);
	for (uint16_t i = 0; i < 4; i++) {
		in = pkt_udp(CLIENT, 5000 + i, SERVER, 53);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		assert_in_range(out.sport, 2000, 2005);
	}
	in = pkt_udp(CLIENT, 5004, SERVER, 53);
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_CLIENT_PORTS);
	rte_pktmbuf_free(box_get(&b, BOX_INSIDE)); /* code 13 */
	for (uint16_t i = 0; i < 2; i++) {
		in = pkt_udp(CLIENT + 1, 5000 + i, SERVER, 53);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	}
	in = pkt_udp(CLIENT + 2, 5000, SERVER, 53);
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_NO_PORT);
	rte_pktmbuf_free(box_get(&b, BOX_INSIDE));
	in = pkt_udp(CLIENT, 5000, SERVER, 53);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	box_fini(&b);
}

static void
workers_hand_over_what_is_not_theirs(void **state)
{
	struct pst_config c;
	uint64_t handed = 0, forwarded = 0;
	struct box b;

	(void)state;
	box_config(&c, 4, 1);
	box_init(&b, &c, 1); /* one queue: three workers live on hand-over */
	for (uint16_t i = 0; i < 64; i++) {
		struct pkt in = pkt_udp(CLIENT + i, 5000, SERVER, 53), out, back, got;

		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		back = pkt_answer(&out);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got));
		assert_int_equal(got.dst, CLIENT + i);
	}
	for (uint32_t w = 0; w < 4; w++) {
		const struct pst_worker_stats *s = pst_worker_stats(b.a->workers[w]);

		assert_true(s->connections > 0);
		handed += s->handed_over;
		forwarded += s->account.sent;
	}
	assert_true(handed > 64);
	assert_true(forwarded >= 128);
	box_fini(&b);
}

static void
tagged_frames_of_an_interface_are_taken(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 53), out, back, got;
	struct pst_config c;
	struct box b;

	(void)state;
	box_config(&c, 2, 1);
	c.ifaces[BOX_OUTSIDE].vlan = 42;
	box_init(&b, &c, 0);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.vlan, 42);
	back = pkt_answer(&out);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.vlan, 0);
	back.vlan = 43;
	box_is_dropped(&b, BOX_OUTSIDE, &back, PST_DROP_VLAN);
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_goes_out_and_its_answer_comes_back),
		cmocka_unit_test(one_inside_endpoint_has_one_outside_endpoint),
		cmocka_unit_test(filtering_modes_admit_whom_they_should),
		cmocka_unit_test(a_tcp_connection_lives_by_its_timers),
		cmocka_unit_test(a_closed_connection_lingers_four_minutes),
		cmocka_unit_test(pings_pass_by_their_identifier),
		cmocka_unit_test(the_appliance_answers_pings_to_itself),
		cmocka_unit_test(a_ttl_that_runs_out_is_said_to_the_sender),
		cmocka_unit_test(what_does_not_fit_is_said_with_the_mtu),
		cmocka_unit_test(bad_packets_are_dropped_by_reason),
		cmocka_unit_test(a_silent_neighbour_costs_a_few_packets_only),
		cmocka_unit_test(what_waits_for_a_neighbour_follows_in_order),
		cmocka_unit_test(silent_neighbours_leave_room_for_others),
		cmocka_unit_test(quotas_and_an_empty_pool_refuse_new_connections_only),
		cmocka_unit_test(workers_hand_over_what_is_not_theirs),
		cmocka_unit_test(tagged_frames_of_an_interface_are_taken),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
