/* SPDX-License-Identifier: BSD-3-Clause */
/* Destinations that see the clients' own addresses (nat.bypass, RFC 6888 REQ-6). */
#include <errno.h>
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
#define OURS IP(198, 18, 0, 1)
#define NEAR IP(198, 18, 0, 9)	    /* sees the clients */
#define NEIGHBOUR IP(198, 18, 0, 8) /* too */
#define FAR IP(198, 18, 0, 100)	    /* does not */
#define SYN RTE_TCP_SYN_FLAG
#define ACK RTE_TCP_ACK_FLAG

/* Of all between our own address and NEAR. */
static struct box *
start(uint32_t workers, void (*change)(struct pst_config *c))
{
	static struct box box;
	struct pst_config c;

	box_config(&c, workers, 1);
	c.nat.bypass[0] = (struct pst_range){ OURS, NEAR };
	c.nat.n_bypass = 1;
	if (change != NULL)
		change(&c);
	box_init(&box, &c, 0);
	return &box;
}

static struct pkt
leaves(struct box *b, struct pkt in)
{
	struct pkt out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	return out;
}

static bool
comes_in(struct box *b, struct pkt in, struct pkt *got)
{
	return box_pass_through(b, BOX_OUTSIDE, &in, got);
}

/* Both ways of a connection have the packet's own ends, and its data. */
static void
is_untranslated(struct box *b, struct pkt in)
{
	struct pkt out = leaves(b, in), back = pkt_answer(&in), got;

	assert_int_equal(out.src, in.src);
	assert_int_equal(out.sport, in.sport);
	assert_int_equal(out.ttl, 63);
	if (in.proto == IPPROTO_TCP) {
		back.tcp_flags = SYN | ACK;
		back.ack = in.seq + 1;
	}
	assert_true(comes_in(b, back, &got));
	assert_int_equal(got.src, in.dst);
	assert_int_equal(got.dst, in.src);
	assert_int_equal(got.dport, back.dport);
}

static void
nothing_is_translated_whoever_owns_the_client(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, NULL);

		for (uint32_t k = 0; k < 64; k++) {
			uint16_t port = 1000 + 1021 * k;

			is_untranslated(b, pkt_udp(CLIENT + k, port, NEAR, 53));
			is_untranslated(b, pkt_tcp(CLIENT + k, port, NEAR, 80, SYN));
			is_untranslated(b, pkt_echo(CLIENT + k, NEIGHBOUR, port,
				RTE_IP_ICMP_ECHO_REQUEST));
		}
		assert_int_equal(box_connections(b), 3 * 64);
		assert_int_equal(leaves(b, pkt_udp(CLIENT, 7, FAR, 53)).src, OURS);
		box_fini(b);
	}
}

static void
nobody_outside_begins(void **state)
{
	struct box *b = start(2, NULL);
	struct pkt in;

	(void)state;
	in = pkt_udp(NEAR, 53, CLIENT, 5000);
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	in = pkt_tcp(NEAR, 53, CLIENT, 5000, SYN);
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	is_untranslated(b, pkt_udp(CLIENT, 5000, NEAR, 53));
	in = pkt_udp(NEIGHBOUR, 53, CLIENT, 5000);
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
	box_fini(b);
}

static void
open_filtering(struct pst_config *c)
{
	c->nat.filtering = PST_ENDPOINT_INDEPENDENT;
}

static void
open_filtering_admits_bypassed_hosts_alone(void **state)
{
	struct box *b = start(2, open_filtering);
	struct pkt in, got;

	(void)state;
	is_untranslated(b, pkt_udp(CLIENT, 5000, NEAR, 53));
	assert_true(comes_in(b, pkt_udp(NEIGHBOUR, 99, CLIENT, 5000), &got));
	assert_int_equal(got.dst, CLIENT);
	in = pkt_udp(FAR, 99, CLIENT, 5000);
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
	box_fini(b);
}

static void
rules_hold(struct pst_config *c)
{
	c->n_rules = 2;
	c->rules[0] = (struct pst_config_rule){ .name = "no",
		.destinations = { { NEIGHBOUR, NEIGHBOUR } },
		.n_destinations = 1 };
	c->rules[1] = (struct pst_config_rule){ .name = "rest", .allow = true };
}

static void
rules_decide_there_too(void **state)
{
	struct box *b = start(1, rules_hold);
	struct pkt in = pkt_udp(CLIENT, 5000, NEIGHBOUR, 53);

	(void)state;
	is_untranslated(b, pkt_udp(CLIENT, 5000, NEAR, 53));
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_RULE);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE)); /* its sender is told */
	box_fini(b);
}

static void
no_ports(struct pst_config *c)
{
	c->nat.ports_per_client = 1;
	c->nat.sessions_per_client = 20;
}

static void
connections_count_and_ports_do_not(void **state)
{
	struct box *b = start(1, no_ports);
	struct pkt in = pkt_udp(CLIENT, 1, NEAR, 53);

	(void)state;
	for (uint16_t i = 0; i < 19; i++)
		is_untranslated(b, pkt_udp(CLIENT, 5000 + i, NEAR, 53));
	assert_int_equal(leaves(b, pkt_udp(CLIENT, 7, FAR, 53)).src, OURS);
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_CLIENT_SESSIONS);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE));
	box_pass(b, 302 * 1000);
	assert_int_equal(box_connections(b), 0);
	is_untranslated(b, in);
	box_fini(b);
}

/* The same inside endpoint has both at once: the destination tells. */
static void
our_own_address_is_never_bypassed(void **state)
{
	struct box *b = start(2, NULL);
	struct pkt out, in, got;

	(void)state;
	is_untranslated(b, pkt_udp(CLIENT, 5000, NEAR, 53));
	out = leaves(b, pkt_udp(CLIENT, 5000, FAR, 53));
	assert_int_equal(out.src, OURS);
	/* OURS lies in the range, and a client behind it is met by hairpin, translated */
	leaves(b, pkt_udp(CLIENT + 1, 6000, FAR, 53));
	in = pkt_udp(CLIENT + 1, 6000, OURS, out.sport);
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_FILTERED);
	in = pkt_udp(FAR, 53, OURS, out.sport);
	assert_true(comes_in(b, in, &got));
	assert_int_equal(got.dst, CLIENT);
	box_fini(b);
}

static void
an_error_comes_back_untranslated(void **state)
{
	struct box *b = start(4, NULL);
	uint8_t room[PKT_QUOTE_MAX];

	(void)state;
	for (uint32_t k = 0; k < 8; k++) {
		struct pkt in = pkt_udp(CLIENT + 9 * k, 1111 * (k + 1), NEAR, 53);
		struct pkt error, quoted;
		struct rte_mbuf *m;

		leaves(b, in);
		error = pkt_error(NEAR, 3, 3, &in, PKT_QUOTE_MAX, room);
		box_put(b, BOX_OUTSIDE, &error);
		box_settle(b);
		m = box_get(b, BOX_INSIDE);
		assert_non_null(m);
		assert_true(pkt_read_quote(m, &quoted));
		assert_int_equal(quoted.src, in.src);
		assert_int_equal(quoted.sport, in.sport);
		rte_pktmbuf_free(m);
	}
	box_fini(b);
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
		cmocka_unit_test(nothing_is_translated_whoever_owns_the_client),
		cmocka_unit_test(nobody_outside_begins),
		cmocka_unit_test(open_filtering_admits_bypassed_hosts_alone),
		cmocka_unit_test(rules_decide_there_too),
		cmocka_unit_test(connections_count_and_ports_do_not),
		cmocka_unit_test(our_own_address_is_never_bypassed),
		cmocka_unit_test(an_error_comes_back_untranslated),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
