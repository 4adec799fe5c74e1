/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's packet filters: what may begin, whoever it is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(10, 1, 1, 80)
#define OURS IP(198, 18, 0, 1)
#define PEER IP(198, 18, 0, 100)
#define BAD IP(198, 18, 0, 20)
#define BUT_GOOD IP(198, 18, 0, 21)
#define SYN RTE_TCP_SYN_FLAG
#define ACK RTE_TCP_ACK_FLAG

/* One host of a bad network may come in; nobody inside sends mail, or pings the bad ones. */
static struct pst_config_filter filters[] = {
	{ .name = "but good", .allow = true, .in = true, .any_protocol = true,
		.sources = { { BUT_GOOD, BUT_GOOD } }, .n_sources = 1 },
	{ .name = "bad", .in = true, .any_protocol = true,
		.sources = { { BAD, BAD + 9 } }, .n_sources = 1 },
	{ .name = "mail", .out = true, .protocol = IPPROTO_TCP,
		.destination_ports = { { 25, 25 }, { 465, 465 } }, .n_destination_ports = 2 },
	{ .name = "ping", .out = true, .protocol = IPPROTO_ICMP,
		.destinations = { { BAD, BAD + 9 } }, .n_destinations = 1 },
	{ .name = "from low ports", .out = true, .protocol = IPPROTO_UDP,
		.sources = { { CLIENT, CLIENT } }, .n_sources = 1,
		.source_ports = { { 1, 99 } }, .n_source_ports = 1 },
};

static struct box box;

static struct box *
start(uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	c.filters = filters;
	c.n_filters = RTE_DIM(filters);
	c.nat.filtering = PST_ENDPOINT_INDEPENDENT;
	c.n_publish = 1;
	c.publish[0] = (struct pst_config_publish){ .name = "www",
		.transport = PST_TCP,
		.external = { OURS, 80 },
		.internal = { SERVER, 8080 } };
	box_init(&box, &c, 0);
	return &box;
}

static uint64_t
decided_by(const struct box *b, uint32_t filter)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < b->config.lcores.n_workers; w++)
		sum += pst_worker_nat(b->a->workers[w])->filter_counts[filter];
	return sum;
}

static bool
passes(struct box *b, int port, struct pkt in)
{
	struct pkt out;

	return box_pass_through(b, port, &in, &out);
}

static void
is_filtered(struct box *b, int port, struct pkt in)
{
	struct rte_mbuf *told;

	box_is_dropped(b, port, &in, PST_DROP_PACKET_FILTER);
	told = box_get(b, port);
	assert_int_equal(told != NULL, port == BOX_INSIDE); /* outside nobody is told */
	rte_pktmbuf_free(told);
}

static void
the_first_that_matches_decides(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);

		assert_true(passes(b, BOX_OUTSIDE, pkt_tcp(PEER, 4000, OURS, 80, SYN)));
		is_filtered(b, BOX_OUTSIDE, pkt_tcp(BAD, 4000, OURS, 80, SYN));
		is_filtered(b, BOX_OUTSIDE, pkt_tcp(BAD + 9, 4000, OURS, 80, SYN));
		assert_true(passes(b, BOX_OUTSIDE, pkt_tcp(BUT_GOOD, 4000, OURS, 80, SYN)));
		is_filtered(b, BOX_INSIDE, pkt_tcp(CLIENT, 5000, PEER, 25, SYN));
		is_filtered(b, BOX_INSIDE, pkt_tcp(CLIENT + 1, 5000, PEER, 465, SYN));
		assert_true(passes(b, BOX_INSIDE, pkt_udp(CLIENT, 5000, PEER, 25)));
		is_filtered(b, BOX_INSIDE,
			pkt_echo(CLIENT, BAD, 7, RTE_IP_ICMP_ECHO_REQUEST));
		assert_true(passes(b, BOX_INSIDE,
			pkt_echo(CLIENT, PEER, 7, RTE_IP_ICMP_ECHO_REQUEST)));
		is_filtered(b, BOX_INSIDE, pkt_udp(CLIENT, 99, PEER, 53));
		assert_true(passes(b, BOX_INSIDE, pkt_udp(CLIENT, 100, PEER, 53)));
		assert_true(passes(b, BOX_INSIDE, pkt_udp(CLIENT + 1, 99, PEER, 53)));
		assert_int_equal(decided_by(b, 0), 1);
		assert_int_equal(decided_by(b, 1), 2);
		assert_int_equal(decided_by(b, 2), 2);
		assert_int_equal(decided_by(b, 3), 1);
		assert_int_equal(decided_by(b, 4), 1);
		assert_int_equal(box_drops(b, PST_DROP_PACKET_FILTER), 6);
		box_fini(b);
	}
}

/* A mapping that admits everybody does not admit those; whom the client asked may answer. */
static void
answers_are_not_asked_about(void **state)
{
	struct box *b = start(2);
	struct pkt in = pkt_udp(CLIENT, 5000, BAD, 53), out, got, back;

	(void)state;
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	back = pkt_answer(&out);
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.dst, CLIENT);
	assert_int_equal(decided_by(b, 1), 0);
	is_filtered(b, BOX_OUTSIDE, pkt_udp(BAD + 2, 53, OURS, out.sport));
	assert_true(passes(b, BOX_OUTSIDE, pkt_udp(PEER, 53, OURS, out.sport)));
	box_fini(b);
}

/* From inside to our own outside address: asked on the way out, by its own addresses. */
static void
a_hairpin_is_asked_about_once(void **state)
{
	static struct pst_config_filter turns[] = {
		{ .name = "none of ours", .in = true, .any_protocol = true,
			.sources = { { OURS, OURS } }, .n_sources = 1 },
		{ .name = "not he", .out = true, .any_protocol = true,
			.sources = { { CLIENT, CLIENT } }, .n_sources = 1,
			.destinations = { { OURS, OURS } }, .n_destinations = 1 },
	};
	struct pst_config c;
	struct pkt in, out;

	(void)state;
	box_config(&c, 2, 1);
	c.filters = turns;
	c.n_filters = 2;
	c.n_publish = 1;
	c.publish[0] = (struct pst_config_publish){ .name = "www",
		.transport = PST_TCP,
		.external = { OURS, 80 },
		.internal = { SERVER, 8080 } };
	box_init(&box, &c, 0);
	in = pkt_tcp(CLIENT + 1, 5000, OURS, 80, SYN);
	assert_true(box_pass_to(&box, BOX_INSIDE, BOX_INSIDE, &in, &out));
	assert_int_equal(out.dst, SERVER);
	is_filtered(&box, BOX_INSIDE, pkt_tcp(CLIENT, 5000, OURS, 80, SYN));
	assert_int_equal(decided_by(&box, 0), 0);
	assert_int_equal(decided_by(&box, 1), 1);
	box_fini(&box);
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
		cmocka_unit_test(the_first_that_matches_decides),
		cmocka_unit_test(answers_are_not_asked_about),
		cmocka_unit_test(a_hairpin_is_asked_about_once),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
