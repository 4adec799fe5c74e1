/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 5508, and what RFC 4787 and RFC 5382 say of ICMP: errors from both sides, and queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define ROUTER IP(10, 1, 1, 1)  /* inside */
#define SERVER IP(198, 18, 0, 9)
#define HOP IP(198, 18, 0, 77) /* a router outside */
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG

#define UNREACHABLE 3
#define TTL_EXCEEDED 11
#define PARAMETER 12

static void
start(struct box *b, uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	box_init(b, &c, 0);
}

/* Put one in, and get what comes out at the other port as it is. */
static struct rte_mbuf *
relay(struct box *b, int port, const struct pkt *p)
{
	box_put(b, port, p);
	box_settle(b);
	return box_get(b, 1 - port);
}

/* A packet of each protocol that an error may be about. */
static struct pkt
first_packet(int k, uint32_t client)
{
	switch (k) {
	case 0:
		return pkt_udp(client, 5000, SERVER, 53);
	case 1:
		return pkt_tcp(client, 4000, SERVER, 80, S);
	default:
		return pkt_echo(client, SERVER, 77, RTE_IP_ICMP_ECHO_REQUEST);
	}
}

static void
same_ends(const struct pkt *a, const struct pkt *b)
{
	assert_int_equal(a->src, b->src);
	assert_int_equal(a->dst, b->dst);
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->sport, b->sport);
	if (a->proto != IPPROTO_ICMP)
		assert_int_equal(a->dport, b->dport);
}

/* Types and codes pass as they are, and so does the MTU; the quote is the client's own packet. */
static void
rfc5508_req4_an_error_from_outside_reaches_the_client(void **state)
{
	static const struct {
		uint8_t type, code;
	} kinds[] = { { UNREACHABLE, 0 }, { UNREACHABLE, 1 }, { UNREACHABLE, 3 }, { UNREACHABLE, 4 },
		{ UNREACHABLE, 13 }, { TTL_EXCEEDED, 0 }, { PARAMETER, 0 } };

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (int proto = 0; proto < 3; proto++) {
			for (unsigned int k = 0; k < RTE_DIM(kinds); k++) {
				struct pkt in = first_packet(proto, CLIENT + k), out, error, got, quoted;
				uint8_t room[PKT_QUOTE_MAX];
				struct rte_mbuf *m;
				struct box b;

				start(&b, workers);
				assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
				/* whole quotes, and those of eight bytes behind the IP header */
				out.data = in.data;
				error = pkt_error(HOP, kinds[k].type, kinds[k].code, &out,
					k % 2 == 0 ? PKT_QUOTE_MAX : 28, room);
				error.mtu = 1280;
				m = relay(&b, BOX_OUTSIDE, &error);
				assert_non_null(m);
				assert_true(pkt_read(m, &got));
				assert_int_equal(got.src, HOP);
				assert_int_equal(got.dst, CLIENT + k);
				assert_int_equal(got.icmp_type, kinds[k].type);
				assert_int_equal(got.icmp_code, kinds[k].code);
				assert_int_equal(got.mtu, 1280);
				assert_int_equal(got.ttl, 63);
				assert_true(pkt_read_quote(m, &quoted));
				same_ends(&quoted, &in);
				rte_pktmbuf_free(m);
				box_fini(&b);
			}
		}
	}
}

/* From a router inside, too: outside it is the connection's address that speaks. */
static void
rfc5508_req5_an_error_from_inside_reaches_the_server(void **state)
{
	static const uint32_t from[] = { CLIENT, ROUTER };

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (int proto = 0; proto < 3; proto++) {
			for (unsigned int k = 0; k < RTE_DIM(from); k++) {
				struct pkt in = first_packet(proto, CLIENT), out, back, error, got, quoted;
				uint8_t room[PKT_QUOTE_MAX];
				struct rte_mbuf *m;
				struct pkt inside;
				struct box b;

				start(&b, workers);
				assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
				back = pkt_answer(&out);
				if (proto == 1)
					back.tcp_flags = S | A;
				assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &inside));
				inside.data = back.data;
				error = pkt_error(from[k], UNREACHABLE, 3, &inside,
					k == 0 ? PKT_QUOTE_MAX : 28, room);
				m = relay(&b, BOX_INSIDE, &error);
				assert_non_null(m);
				assert_true(pkt_read(m, &got));
				assert_int_equal(got.src, OUTSIDE);
				assert_int_equal(got.dst, SERVER);
				assert_int_equal(got.icmp_type, UNREACHABLE);
				assert_int_equal(got.icmp_code, 3);
				assert_true(pkt_read_quote(m, &quoted));
				same_ends(&quoted, &back);
				rte_pktmbuf_free(m);
				box_fini(&b);
			}
		}
	}
}

static void
rfc5508_req3_a_damaged_error_is_dropped(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 53), out, error;
	uint8_t room[PKT_QUOTE_MAX];
	struct rte_mbuf *m;
	struct pst_view v;
	struct box b;

	(void)state;
	start(&b, 1);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	out.data = in.data;
	error = pkt_error(HOP, UNREACHABLE, 3, &out, PKT_QUOTE_MAX, room);
	/* its own checksum */
	error.src_mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 9 } };
	error.dst_mac = b.mac[BOX_OUTSIDE];
	m = pkt_build(b.mbufs, &error);
	pst_view_parse(&v, m);
	((uint8_t *)v.l4)[v.l4_len - 1] ^= 1;
	m->port = b.port[BOX_OUTSIDE];
	assert_int_equal(rte_ring_enqueue(b.rx[BOX_OUTSIDE][0], m), 0);
	b.put++;
	box_settle(&b);
	assert_null(box_get(&b, BOX_INSIDE));
	assert_int_equal(box_drops(&b, PST_DROP_L4_CHECKSUM), 1);
	/* the quoted IP header's */
	room[8] ^= 1;
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	room[8] ^= 1;
	/* cut short of the ports */
	error.len = 27;
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	box_fini(&b);
}

/* No connection is meant, or another one's; and an error about an error is none of ours. */
static void
rfc5508_req4_an_error_without_a_mapping_is_dropped(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 53), out, stranger, error;
	uint8_t room[PKT_QUOTE_MAX];
	struct box b;

	(void)state;
	start(&b, 2);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	out.data = in.data;
	stranger = out;
	stranger.sport ^= 2;
	error = pkt_error(HOP, UNREACHABLE, 3, &stranger, PKT_QUOTE_MAX, room);
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	stranger = out;
	stranger.dport = 54;
	error = pkt_error(HOP, UNREACHABLE, 3, &stranger, PKT_QUOTE_MAX, room);
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	/* it quotes a connection, and goes to somebody else */
	error = pkt_error(HOP, UNREACHABLE, 3, &out, PKT_QUOTE_MAX, room);
	error.dst = IP(198, 18, 0, 2);
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	/* from inside, about what never came */
	stranger = pkt_udp(SERVER, 54, CLIENT, 5000);
	error = pkt_error(CLIENT, UNREACHABLE, 3, &stranger, PKT_QUOTE_MAX, room);
	box_is_dropped(&b, BOX_INSIDE, &error, PST_DROP_ICMP_ERROR);
	box_fini(&b);
}

/* Neither kept alive by it, nor ended by it; so say the RFCs on UDP and TCP as well. */
static void
refresh_nothing_and_end_nothing(int proto, uint64_t timeout_ms)
{
	struct pkt in = first_packet(proto, CLIENT), out, error, got;
	uint8_t room[PKT_QUOTE_MAX];
	struct box b;

	start(&b, 1);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	out.data = in.data;
	error = pkt_error(HOP, UNREACHABLE, 1, &out, PKT_QUOTE_MAX, room);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &error, &got));
	assert_int_equal(box_connections(&b), 1);
	box_pass(&b, timeout_ms - 2000);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &error, &got));
	assert_int_equal(box_connections(&b), 1);
	box_pass(&b, 4000);
	assert_int_equal(box_connections(&b), 0);
	box_is_dropped(&b, BOX_OUTSIDE, &error, PST_DROP_ICMP_ERROR);
	box_fini(&b);
}

static void
rfc5508_req6_errors_neither_refresh_nor_delete(void **state)
{
	(void)state;
	refresh_nothing_and_end_nothing(2, 60000);
}

static void
rfc4787_req12_icmp_ends_no_mapping(void **state)
{
	(void)state;
	refresh_nothing_and_end_nothing(0, 300000);
}

static void
rfc5382_req10_icmp_ends_no_connection(void **state)
{
	(void)state;
	refresh_nothing_and_end_nothing(1, 240000);
}

static void
rfc5382_req9_unreachable_is_translated_for_tcp(void **state)
{
	struct pkt in = pkt_tcp(CLIENT, 4000, SERVER, 80, S), out, error, got, quoted;
	uint8_t room[PKT_QUOTE_MAX];
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	start(&b, 2);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	error = pkt_error(HOP, UNREACHABLE, 4, &out, 28, room);
	error.mtu = 1400;
	m = relay(&b, BOX_OUTSIDE, &error);
	assert_non_null(m);
	assert_true(pkt_read(m, &got) && pkt_read_quote(m, &quoted));
	assert_int_equal(got.mtu, 1400);
	same_ends(&quoted, &in);
	assert_int_equal(quoted.seq, in.seq);
	rte_pktmbuf_free(m);
	box_fini(&b);
}

/* A published server's connection lives on another worker than the port's owner. */
static void
rfc5508_req4_an_error_finds_a_published_server(void **state)
{
	struct pkt in = pkt_tcp(SERVER, 4000, OUTSIDE, 80, S), got, back, out, error, quoted;
	uint8_t room[PKT_QUOTE_MAX];
	struct pst_config c;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	for (uint32_t server = CLIENT; server < CLIENT + 4; server++) {
		box_config(&c, 4, 1);
		c.publish[0] = (struct pst_config_publish){ .name = "www", .transport = PST_TCP,
			.external = { OUTSIDE, 80 }, .internal = { server, 8080 } };
		c.n_publish = 1;
		box_init(&b, &c, 0);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &got));
		back = pkt_answer(&got);
		back.tcp_flags = S | A;
		assert_true(box_pass_through(&b, BOX_INSIDE, &back, &out));
		out.data = back.data;
		error = pkt_error(HOP, UNREACHABLE, 4, &out, PKT_QUOTE_MAX, room);
		m = relay(&b, BOX_OUTSIDE, &error);
		assert_non_null(m);
		assert_true(pkt_read_quote(m, &quoted));
		same_ends(&quoted, &back);
		rte_pktmbuf_free(m);
		box_fini(&b);
	}
}

/* What the gateway itself has to say: where a path ends, and how wide it is. */
static void
rfc4787_req13_too_big_is_said_to_the_sender(void **state)
{
	static char data[1450];
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 9), out, back, got, quoted;
	struct pst_config c;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	for (int narrow = 0; narrow < BOX_PORTS; narrow++) {
		int from = 1 - narrow;

		box_config(&c, 2, 1);
		c.ifaces[narrow].mtu = 1400;
		box_init(&b, &c, 0);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		back = from == BOX_INSIDE ? in : pkt_answer(&out);
		back.data = data;
		back.len = sizeof(data);
		back.df = true;
		box_is_dropped(&b, from, &back, PST_DROP_MTU);
		m = box_get(&b, from);
		assert_non_null(m);
		assert_true(pkt_read(m, &got) && pkt_read_quote(m, &quoted));
		assert_int_equal(got.dst, back.src);
		assert_int_equal(got.icmp_type, UNREACHABLE);
		assert_int_equal(got.icmp_code, 4);
		assert_int_equal(got.mtu, 1400);
		same_ends(&quoted, &back);
		rte_pktmbuf_free(m);
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
		cmocka_unit_test(rfc5508_req4_an_error_from_outside_reaches_the_client),
		cmocka_unit_test(rfc5508_req5_an_error_from_inside_reaches_the_server),
		cmocka_unit_test(rfc5508_req3_a_damaged_error_is_dropped),
		cmocka_unit_test(rfc5508_req4_an_error_without_a_mapping_is_dropped),
		cmocka_unit_test(rfc5508_req4_an_error_finds_a_published_server),
		cmocka_unit_test(rfc5508_req6_errors_neither_refresh_nor_delete),
		cmocka_unit_test(rfc4787_req12_icmp_ends_no_mapping),
		cmocka_unit_test(rfc5382_req10_icmp_ends_no_connection),
		cmocka_unit_test(rfc5382_req9_unreachable_is_translated_for_tcp),
		cmocka_unit_test(rfc4787_req13_too_big_is_said_to_the_sender),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
