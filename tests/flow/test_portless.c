/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocols without ports: GRE and ESP by address, others as it is set; and IPv6. */
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
#define OTHER IP(10, 1, 1, 8)
#define OURS IP(198, 18, 0, 1)
#define PEER IP(198, 18, 0, 9)

static struct pkt
portless(uint8_t proto, uint32_t src, uint32_t dst)
{
	return (struct pkt){ .proto = proto, .src = src, .dst = dst, .data = "0123456789", .len = 10 };
}

static struct box *
start(uint32_t workers, void (*change)(struct pst_config *c))
{
	static struct box box;
	struct pst_config c;

	box_config(&c, workers, 1);
	if (change != NULL)
		change(&c);
	box_init(&box, &c, 0);
	return &box;
}

/* Out by an address of ours, back to the client, as often as one likes. Returns the address. */
static uint32_t
talks(struct box *b, uint8_t proto, uint32_t client, uint32_t peer)
{
	struct pkt in = portless(proto, client, peer), out, back, got;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.proto, proto);
	assert_int_equal(out.dst, peer);
	assert_int_equal(out.len, in.len);
	back = portless(proto, peer, out.src);
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.src, peer);
	assert_int_equal(got.dst, client);
	return out.src;
}

static void
is_refused(struct box *b, uint8_t proto, uint32_t client, uint32_t peer, enum pst_drop why)
{
	struct pkt in = portless(proto, client, peer);

	box_is_dropped(b, BOX_INSIDE, &in, why);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE)); /* its sender is told */
}

static void
gre_and_esp_have_the_address_translated(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, NULL);

		for (uint32_t k = 0; k < 32; k++) {
			uint32_t client = CLIENT + 5 * k, peer = PEER + 3 * k;

			assert_int_equal(talks(b, IPPROTO_GRE, client, peer), OURS);
			assert_int_equal(talks(b, IPPROTO_ESP, client, peer), OURS);
			assert_int_equal(talks(b, IPPROTO_GRE, client, peer), OURS);
		}
		assert_int_equal(box_connections(b), 64);
		box_fini(b);
	}
}

static void
one_client_at_a_time_has_a_peer(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, NULL);

		for (uint32_t k = 1; k < 64; k += 9) /* clients of all workers */
			for (uint32_t n = 0; n < 2; n++) {
				talks(b, IPPROTO_GRE, CLIENT, PEER);
				is_refused(b, IPPROTO_GRE, CLIENT + k, PEER, PST_DROP_PEER_USED);
				talks(b, IPPROTO_GRE, CLIENT + k, PEER + k);
			}
		talks(b, IPPROTO_ESP, OTHER, PEER); /* of another protocol */
		box_pass(b, 302 * 1000);
		assert_int_equal(box_connections(b), 0);
		talks(b, IPPROTO_GRE, OTHER, PEER);
		is_refused(b, IPPROTO_GRE, CLIENT, PEER, PST_DROP_PEER_USED);
		box_fini(b);
	}
}

static void
two_addresses(struct pst_config *c)
{
	c->nat.pool[0].last++;
}

static void
as_many_clients_have_it_as_there_are_addresses(void **state)
{
	struct box *b = start(2, two_addresses);

	(void)state;
	assert_int_not_equal(
		talks(b, IPPROTO_ESP, CLIENT, PEER), talks(b, IPPROTO_ESP, OTHER, PEER));
	is_refused(b, IPPROTO_ESP, CLIENT + 5, PEER, PST_DROP_PEER_USED);
	box_fini(b);
}

static void
nobody_outside_begins(void **state)
{
	struct box *b = start(2, NULL);
	struct pkt in = portless(IPPROTO_GRE, PEER, OURS);

	(void)state;
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	talks(b, IPPROTO_GRE, CLIENT, PEER + 1);
	box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	box_fini(b);
}

static void
map_others(struct pst_config *c)
{
	c->nat.other_protocols = PST_OTHERS_MAP;
}

static void
other_protocols_pass_where_it_is_set(void **state)
{
	static const uint8_t protos[] = { IPPROTO_SCTP, 4, 99, 255 };
	struct box *b = start(2, NULL);

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(protos); i++) {
		struct pkt in = portless(protos[i], CLIENT, PEER);

		box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_IP_PROTOCOL);
		in = portless(protos[i], PEER, OURS);
		box_is_dropped(b, BOX_OUTSIDE, &in, PST_DROP_IP_PROTOCOL);
	}
	box_fini(b);
	b = start(2, map_others);
	for (uint32_t i = 0; i < RTE_DIM(protos); i++) {
		talks(b, protos[i], CLIENT, PEER);
		is_refused(b, protos[i], OTHER, PEER, PST_DROP_PEER_USED);
	}
	box_fini(b);
}

static void
bypass_and_rules(struct pst_config *c)
{
	c->nat.bypass[0] = (struct pst_range){ PEER, PEER };
	c->nat.n_bypass = 1;
	c->n_rules = 2;
	c->rules[0] = (struct pst_config_rule){ .name = "no",
		.destinations = { { PEER + 1, PEER + 1 } },
		.n_destinations = 1 };
	c->rules[1] = (struct pst_config_rule){ .name = "rest", .allow = true };
}

static void
bypass_and_rules_hold_for_them(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, bypass_and_rules);

		for (uint32_t k = 0; k < 8; k++) /* any number, as they have their own addresses */
			assert_int_equal(talks(b, IPPROTO_GRE, CLIENT + k, PEER), CLIENT + k);
		is_refused(b, IPPROTO_GRE, CLIENT, PEER + 1, PST_DROP_RULE);
		assert_int_equal(talks(b, IPPROTO_GRE, CLIENT, PEER + 2), OURS);
		box_fini(b);
	}
}

/* A router outside says that the tunnel's packets are too big: the client hears of its own. */
static void
an_error_about_one_comes_back(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, NULL);
		struct pkt seen = portless(IPPROTO_ESP, OURS, PEER), error, quoted;
		uint8_t room[PKT_QUOTE_MAX];
		struct rte_mbuf *m;

		talks(b, IPPROTO_ESP, CLIENT, PEER);
		error = pkt_error(IP(198, 18, 0, 77), 3, 4, &seen, 28, room);
		box_put(b, BOX_OUTSIDE, &error);
		box_settle(b);
		m = box_get(b, BOX_INSIDE);
		assert_non_null(m);
		assert_true(pkt_read_quote(m, &quoted));
		assert_int_equal(quoted.src, CLIENT);
		assert_int_equal(quoted.dst, PEER);
		assert_int_equal(quoted.sport, '0' << 8 | '1'); /* its data is as it was */
		rte_pktmbuf_free(m);
		box_fini(b);
	}
}

/* A part of a datagram of 24 bytes, 16 in the first; raw, as the tests' packets are whole. */
static void
put_fragment(struct box *b, int port, uint32_t src, uint32_t dst, bool first)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwx";
	struct pkt p = { .proto = IPPROTO_GRE, .src = src, .dst = dst, .id = 7,
		.data = first ? bytes : bytes + 16, .len = first ? 16 : 8,
		.src_mac = { { 2, 0, 0, 0, 0, 9 } }, .dst_mac = b->mac[port] };
	struct rte_mbuf *m = pkt_build(b->mbufs, &p);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

	ip->fragment_offset = rte_cpu_to_be_16(first ? RTE_IPV4_HDR_MF_FLAG : 2);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	m->port = b->port[port];
	assert_int_equal(rte_ring_enqueue(b->rx[port][first ? 0 : b->n_queues - 1], m), 0);
	b->put++;
}

static void
both_come_out(struct box *b, int port, uint32_t src, uint32_t dst)
{
	box_settle(b);
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *m = box_get(b, port);
		const struct rte_ipv4_hdr *ip;

		assert_non_null(m);
		ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
		assert_int_equal(rte_be_to_cpu_32(ip->src_addr), src);
		assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), dst);
		assert_int_equal(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
		rte_pktmbuf_free(m);
	}
}

static void
fragments_of_them_pass_in_any_order(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < 6; k++) {
		struct box *b = start(1 << k % 3, NULL);
		bool first = k < 3;

		put_fragment(b, BOX_INSIDE, CLIENT, PEER, first);
		put_fragment(b, BOX_INSIDE, CLIENT, PEER, !first);
		both_come_out(b, BOX_OUTSIDE, OURS, PEER);
		put_fragment(b, BOX_OUTSIDE, PEER, OURS, first);
		put_fragment(b, BOX_OUTSIDE, PEER, OURS, !first);
		both_come_out(b, BOX_INSIDE, PEER, CLIENT);
		box_fini(b);
	}
}

static void
ipv6_is_dropped_and_counted(void **state)
{
	struct box *b = start(1, NULL);
	struct pkt p = pkt_udp(CLIENT, 1, PEER, 2);

	(void)state;
	for (int port = 0; port < 2; port++) {
		struct rte_mbuf *m;

		p.dst_mac = b->mac[port];
		m = pkt_build(b->mbufs, &p);
		rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type =
			RTE_BE16(RTE_ETHER_TYPE_IPV6);
		m->port = b->port[port];
		assert_int_equal(rte_ring_enqueue(b->rx[port][0], m), 0);
		b->put++;
		box_settle(b);
		assert_null(box_get(b, 1 - port));
	}
	assert_int_equal(box_drops(b, PST_DROP_IPV6), 2);
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
		cmocka_unit_test(gre_and_esp_have_the_address_translated),
		cmocka_unit_test(one_client_at_a_time_has_a_peer),
		cmocka_unit_test(as_many_clients_have_it_as_there_are_addresses),
		cmocka_unit_test(nobody_outside_begins),
		cmocka_unit_test(other_protocols_pass_where_it_is_set),
		cmocka_unit_test(bypass_and_rules_hold_for_them),
		cmocka_unit_test(an_error_about_one_comes_back),
		cmocka_unit_test(fragments_of_them_pass_in_any_order),
		cmocka_unit_test(ipv6_is_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
