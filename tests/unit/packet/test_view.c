/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ethdev.h>

#include "eal.h"
#include "packet/view.h"
#include "pkt.h"

static struct rte_mempool *pool;

static struct pkt
some(uint8_t proto)
{
	return (struct pkt){ .proto = proto, .src = IP(10, 1, 1, 7), .dst = IP(198, 18, 0, 9),
		.sport = 4000, .dport = 80, .icmp_type = RTE_IP_ICMP_ECHO_REQUEST,
		.tcp_flags = RTE_TCP_SYN_FLAG, .data = "data", .len = 4 };
}

static void
endpoints_are_found_behind_any_headers(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct pkt p = some(protos[i % 3]);
		struct pst_view v;
		struct rte_mbuf *m;

		p.vlan = i < 3 ? 0 : 42;
		m = pkt_build(pool, &p);
		pst_view_parse(&v, m);
		assert_int_equal(v.kind, PST_VIEW_L4);
		assert_int_equal(v.vlan, p.vlan);
		assert_int_equal(rte_be_to_cpu_32(v.src), p.src);
		assert_int_equal(rte_be_to_cpu_16(v.sport), 4000);
		assert_int_equal(rte_be_to_cpu_16(v.dport), i % 3 == 2 ? 4000 : 80);
		assert_true(pst_view_ip_csum_ok(&v));
		assert_true(pst_view_l4_csum_ok(&v));
		rte_pktmbuf_free(m);
	}
}

static void
a_tag_in_the_metadata_is_a_tag(void **state)
{
	struct pkt p = some(IPPROTO_UDP);
	struct rte_mbuf *m = pkt_build(pool, &p);
	struct pst_view v;

	(void)state;
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0xe000 | 7; /* with a priority */
	pst_view_parse(&v, m);
	assert_int_equal(v.vlan, 7);
	assert_int_equal(v.kind, PST_VIEW_L4);
	rte_pktmbuf_free(m);
}

/* What is done to a good packet, and what it is then. */
static void
what_is_wrong_is_named(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t at; /* offset in the IP packet */
		uint8_t value;
		uint8_t kind, drop;
	} cases[] = {
		{ IPPROTO_UDP, 0, 0x65, PST_VIEW_BAD, PST_DROP_IP_HEADER },   /* version 6 */
		{ IPPROTO_UDP, 0, 0x44, PST_VIEW_BAD, PST_DROP_IP_HEADER },   /* header of 16 */
		{ IPPROTO_UDP, 3, 200, PST_VIEW_BAD, PST_DROP_TRUNCATED },    /* longer than it is */
		{ IPPROTO_UDP, 3, 10, PST_VIEW_BAD, PST_DROP_IP_HEADER },     /* less than its header */
		{ IPPROTO_UDP, 3, 24, PST_VIEW_BAD, PST_DROP_L4_HEADER },     /* no room for UDP */
		{ IPPROTO_UDP, 25, 200, PST_VIEW_BAD, PST_DROP_L4_HEADER },   /* UDP's own length */
		{ IPPROTO_TCP, 32, 0x40, PST_VIEW_BAD, PST_DROP_L4_HEADER },  /* TCP header of 16 */
		{ IPPROTO_TCP, 32, 0xf0, PST_VIEW_BAD, PST_DROP_L4_HEADER },  /* and of 60 */
		{ IPPROTO_UDP, 6, 0x20, PST_VIEW_FIRST_FRAGMENT, 0 },
		{ IPPROTO_UDP, 7, 1, PST_VIEW_LATER_FRAGMENT, 0 },
		{ IPPROTO_UDP, 9, 47, PST_VIEW_PORTLESS, 0 },
		{ IPPROTO_ICMP, 20, 3, PST_VIEW_ERROR, 0 },
		{ IPPROTO_ICMP, 20, 13, PST_VIEW_OTHER, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct pkt p = some(cases[i].proto);
		struct rte_mbuf *m = pkt_build(pool, &p);
		struct pst_view v;

		*rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + cases[i].at) = cases[i].value;
		pst_view_parse(&v, m);
		assert_int_equal(v.kind, cases[i].kind);
		if (v.kind == PST_VIEW_BAD)
			assert_int_equal(v.drop, cases[i].drop);
		rte_pktmbuf_free(m);
	}
}

static void
a_frame_cut_anywhere_is_not_read_beyond(void **state)
{
	struct pkt p = some(IPPROTO_TCP);

	(void)state;
	p.vlan = 5;
	for (uint16_t len = 0; len < 62; len++) {
		struct rte_mbuf *m = pkt_build(pool, &p);
		struct pst_view v;

		rte_pktmbuf_trim(m, rte_pktmbuf_data_len(m) - len);
		pst_view_parse(&v, m);
		assert_int_equal(v.kind, PST_VIEW_BAD);
		rte_pktmbuf_free(m);
	}
}

static void
a_sum_left_to_hardware_is_made_good(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pkt p = some(protos[i]), got;
		struct rte_mbuf *m = pkt_build(pool, &p);
		struct pst_view v;
		rte_be16_t *field;

		pst_view_parse(&v, m);
		field = i == 0 ? &((struct rte_tcp_hdr *)v.l4)->cksum :
				 &((struct rte_udp_hdr *)v.l4)->dgram_cksum;
		*field = rte_ipv4_phdr_cksum(v.ip, 0);
		assert_false(pst_view_l4_csum_ok(&v));
		pst_view_l4_csum_fill(&v);
		assert_true(pkt_read(m, &got));
		rte_pktmbuf_free(m);
	}
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(64);
	pool = rte_pktmbuf_pool_create("view", 255, 0, 0, 2048, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	unsigned int left = rte_mempool_in_use_count(pool);

	(void)state;
	rte_mempool_free(pool);
	return left == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_found_behind_any_headers),
		cmocka_unit_test(a_tag_in_the_metadata_is_a_tag),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_frame_cut_anywhere_is_not_read_beyond),
		cmocka_unit_test(a_sum_left_to_hardware_is_made_good),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
