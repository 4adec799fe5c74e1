/* SPDX-License-Identifier: BSD-3-Clause */
/* Hairpin: clients that reach each other by outside addresses (RFC 4787 REQ-9, 5382 REQ-8, 5508). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define ONE IP(10, 1, 1, 7)
#define OTHER IP(10, 1, 1, 8) /* on another worker, if there are several */
#define FAR IP(10, 1, 1, 11)  /* on the same one, with 1, 2 and 4 */
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define POOLED IP(198, 18, 0, 30) /* an outside address that is no interface's */

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG

static void
start(struct box *b, uint32_t workers, uint32_t outside)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	c.nat.pool[0] = (struct pst_range){ outside, outside };
	c.nat.filtering = PST_ENDPOINT_INDEPENDENT;
	box_init(b, &c, 0);
}

/* What comes out inside of what was put in there, as it is. */
static struct rte_mbuf *
turn_raw(struct box *b, const struct pkt *in)
{
	box_put(b, BOX_INSIDE, in);
	box_settle(b);
	assert_null(box_get(b, BOX_OUTSIDE));
	return box_get(b, BOX_INSIDE);
}

static bool
turn(struct box *b, const struct pkt *in, struct pkt *out)
{
	struct rte_mbuf *m = turn_raw(b, in);

	if (m == NULL)
		return false;
	assert_true(pkt_read(m, out));
	out->data = NULL;
	rte_pktmbuf_free(m);
	return true;
}

/* A client's outside port, got by a packet to the server. */
static uint16_t
map(struct box *b, uint32_t client, uint16_t port)
{
	struct pkt in = pkt_udp(client, port, SERVER, 53), out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	return out.sport;
}

/* Each sees the other's outside endpoint, never its inside one. */
static void
rfc4787_req9_hairpin_with_the_outside_source(void **state)
{
	static const uint32_t peers[] = { OTHER, FAR }, outsides[] = { OUTSIDE, POOLED };

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (unsigned int k = 0; k < 4; k++) {
			uint32_t peer = peers[k % 2], outside = outsides[k / 2];
			uint16_t one_port, peer_port;
			struct pkt in, got, back, answer;
			struct box b;

			start(&b, workers, outside);
			one_port = map(&b, ONE, 5000);
			peer_port = map(&b, peer, 6000);
			in = pkt_udp(ONE, 5000, outside, peer_port);
			assert_true(turn(&b, &in, &got));
			assert_int_equal(got.src, outside);
			assert_int_equal(got.sport, one_port);
			assert_int_equal(got.dst, peer);
			assert_int_equal(got.dport, 6000);
			assert_int_equal(got.ttl, 63); /* we are one hop */
			back = pkt_answer(&got);
			assert_true(turn(&b, &back, &answer));
			assert_int_equal(answer.src, outside);
			assert_int_equal(answer.sport, peer_port);
			assert_int_equal(answer.dst, ONE);
			assert_int_equal(answer.dport, 5000);
			box_fini(&b);
		}
	}
}

/* Filtering is the same as for anybody outside: the address must have been talked to. */
static void
rfc4787_req9_hairpin_is_filtered_as_from_outside(void **state)
{
	struct pst_config c;
	struct pkt in, got;
	uint16_t one_port, peer_port;
	struct box b;

	(void)state;
	box_config(&c, 2, 1);
	box_init(&b, &c, 0);
	one_port = map(&b, ONE, 5000);
	peer_port = map(&b, OTHER, 6000);
	in = pkt_udp(ONE, 5000, OUTSIDE, peer_port);
	box_put(&b, BOX_INSIDE, &in);
	box_settle(&b);
	assert_null(box_get(&b, BOX_INSIDE));
	assert_int_equal(box_drops(&b, PST_DROP_FILTERED), 1);
	/* both send, as hole punching does: the second one comes through, and then both */
	in = pkt_udp(OTHER, 6000, OUTSIDE, one_port);
	assert_true(turn(&b, &in, &got));
	in = pkt_udp(ONE, 5000, OUTSIDE, peer_port);
	assert_true(turn(&b, &in, &got));
	box_fini(&b);
}

/* To itself by its own mapping: what it sends comes back from there. */
static void
rfc4787_req9_a_client_reaches_itself(void **state)
{
	struct pkt in, got;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 2, OUTSIDE);
	port = map(&b, ONE, 5000);
	in = pkt_udp(ONE, 5001, OUTSIDE, port);
	assert_true(turn(&b, &in, &got));
	assert_int_equal(got.dst, ONE);
	assert_int_equal(got.dport, 5000);
	assert_int_equal(got.src, OUTSIDE);
	in = pkt_udp(ONE, 5000, OUTSIDE, port);
	assert_true(turn(&b, &in, &got));
	assert_int_equal(got.dport, 5000);
	assert_int_equal(got.sport, port);
	box_fini(&b);
}

static void
publish(struct pst_config *c, uint32_t server)
{
	c->publish[0] = (struct pst_config_publish){ .name = "www", .transport = PST_TCP,
		.external = { OUTSIDE, 80 }, .internal = { server, 8080 } };
	c->n_publish = 1;
}

/* A published server from inside, by its outside name. */
static void
rfc5382_req8_tcp_hairpin_to_a_published_server(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t server = OTHER; server < OTHER + 4; server++) {
			struct pkt in = pkt_tcp(ONE, 4000, OUTSIDE, 80, S), got, back, answer;
			struct pst_config c;
			struct box b;

			box_config(&c, workers, 1);
			publish(&c, server);
			box_init(&b, &c, 0);
			assert_true(turn(&b, &in, &got));
			assert_int_equal(got.src, OUTSIDE);
			assert_int_equal(got.dst, server);
			assert_int_equal(got.dport, 8080);
			back = pkt_answer(&got);
			back.tcp_flags = S | A;
			back.data = NULL;
			back.len = 0;
			assert_true(turn(&b, &back, &answer));
			assert_int_equal(answer.src, OUTSIDE);
			assert_int_equal(answer.sport, 80);
			assert_int_equal(answer.dst, ONE);
			assert_int_equal(answer.dport, 4000);
			in.tcp_flags = A;
			assert_true(turn(&b, &in, &got));
			box_fini(&b);
		}
	}
}

/* Errors turn round too: of the client that got the packet, and of the gateway on its second way. */
static void
rfc5508_req7_errors_of_hairpin_are_translated(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct pkt in, got, error, answer, quoted;
		uint8_t room[PKT_QUOTE_MAX];
		uint16_t peer_port;
		struct rte_mbuf *m;
		struct box b;

		start(&b, workers, OUTSIDE);
		peer_port = map(&b, OTHER, 6000);
		in = pkt_udp(ONE, 5000, OUTSIDE, peer_port);
		assert_true(turn(&b, &in, &got));
		got.data = in.data;
		error = pkt_error(OTHER, 3, 3, &got, PKT_QUOTE_MAX, room);
		m = turn_raw(&b, &error);
		assert_non_null(m);
		assert_true(pkt_read(m, &answer) && pkt_read_quote(m, &quoted));
		assert_int_equal(answer.src, OUTSIDE);
		assert_int_equal(answer.dst, ONE);
		assert_int_equal(answer.icmp_code, 3);
		assert_int_equal(quoted.src, ONE);
		assert_int_equal(quoted.sport, 5000);
		assert_int_equal(quoted.dst, OUTSIDE);
		assert_int_equal(quoted.dport, peer_port);
		rte_pktmbuf_free(m);
		box_fini(&b);
	}
}

static void
rfc5508_req7_too_big_for_the_other_client(void **state)
{
	static char data[1450];
	struct pkt in, answer, quoted;
	struct pst_config c;
	struct rte_mbuf *m;
	uint16_t peer_port;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		box_config(&c, workers, 1);
		c.nat.filtering = PST_ENDPOINT_INDEPENDENT;
		c.ifaces[BOX_INSIDE].mtu = 1400;
		box_init(&b, &c, 0);
		peer_port = map(&b, OTHER, 6000);
		in = pkt_udp(ONE, 5000, OUTSIDE, peer_port);
		in.data = data;
		in.len = sizeof(data);
		in.df = true;
		m = turn_raw(&b, &in);
		assert_non_null(m);
		assert_true(pkt_read(m, &answer) && pkt_read_quote(m, &quoted));
		assert_int_equal(answer.dst, ONE);
		assert_int_equal(answer.icmp_code, 4);
		assert_int_equal(answer.mtu, 1400);
		assert_int_equal(quoted.sport, 5000);
		assert_int_equal(box_drops(&b, PST_DROP_MTU), 1);
		rte_pktmbuf_free(m);
		box_fini(&b);
	}
}

/* Nobody there: dropped by the reason that somebody outside would meet. */
static void
what_nobody_has_is_dropped(void **state)
{
	struct pkt in = pkt_udp(ONE, 5000, OUTSIDE, 9);
	struct pst_config c;
	struct box b;

	(void)state;
	start(&b, 2, OUTSIDE);
	box_put(&b, BOX_INSIDE, &in);
	box_settle(&b);
	assert_null(box_get(&b, BOX_INSIDE));
	assert_int_equal(box_drops(&b, PST_DROP_NO_MAPPING), 1);
	box_fini(&b);
	box_config(&c, 1, 1);
	c.nat.hairpin = false;
	box_init(&b, &c, 0);
	box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_HAIRPIN);
	box_fini(&b);
}

/* From inside as from outside, an outside address answers pings itself. */
static void
an_outside_address_answers_pings_from_inside(void **state)
{
	static const uint32_t outsides[] = { OUTSIDE, POOLED };

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(outsides); k++) {
		struct pkt in = pkt_echo(ONE, outsides[k], 5, RTE_IP_ICMP_ECHO_REQUEST), got;
		struct box b;

		start(&b, 2, outsides[k]);
		assert_true(turn(&b, &in, &got));
		assert_int_equal(got.icmp_type, RTE_IP_ICMP_ECHO_REPLY);
		assert_int_equal(got.src, outsides[k]);
		box_fini(&b);
	}
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
		cmocka_unit_test(rfc4787_req9_hairpin_with_the_outside_source),
		cmocka_unit_test(rfc4787_req9_hairpin_is_filtered_as_from_outside),
		cmocka_unit_test(rfc4787_req9_a_client_reaches_itself),
		cmocka_unit_test(rfc5382_req8_tcp_hairpin_to_a_published_server),
		cmocka_unit_test(rfc5508_req7_errors_of_hairpin_are_translated),
		cmocka_unit_test(rfc5508_req7_too_big_for_the_other_client),
		cmocka_unit_test(what_nobody_has_is_dropped),
		cmocka_unit_test(an_outside_address_answers_pings_from_inside),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
