/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments: RFC 4787 REQ-14 (in any order), RFC 1858 and 3128 (overlaps), RFC 6864 (ids), RFC 791. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "box.h"
#include "eal.h"
#include "worker/worker_priv.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)

#define SIZE 9008u /* a datagram's, with its header */
#define PIECE 1480u
#define PIECES 7u /* of it */

/* A UDP datagram: ends, id, and its bytes from the header on. */
struct datagram {
	uint32_t src, dst;
	uint16_t sport, dport, id;
	uint32_t len;
	uint8_t bytes[65536];
};

static uint16_t
sum_of(const struct datagram *d)
{
	struct rte_ipv4_hdr ip = { .src_addr = rte_cpu_to_be_32(d->src),
		.dst_addr = rte_cpu_to_be_32(d->dst),
		.next_proto_id = IPPROTO_UDP,
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(20 + d->len) };
	uint32_t sum = rte_ipv4_phdr_cksum(&ip, 0);

	sum = __rte_raw_cksum(d->bytes, d->len, sum);
	return __rte_raw_cksum_reduce(sum);
}

static void
make(struct datagram *d, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint32_t len)
{
	struct rte_udp_hdr udp = { rte_cpu_to_be_16(sport), rte_cpu_to_be_16(dport),
		rte_cpu_to_be_16(len), 0 };

	d->src = src;
	d->dst = dst;
	d->sport = sport;
	d->dport = dport;
	d->len = len;
	for (uint32_t i = 0; i < len; i++)
		d->bytes[i] = i * 7 + src + (i >> 8);
	memcpy(d->bytes, &udp, sizeof(udp));
	udp.dgram_cksum = ~sum_of(d);
	memcpy(d->bytes, &udp, sizeof(udp));
}

/* Put a part of it in at a port and a queue. */
static void
put_part(struct box *b, int port, const struct datagram *d, uint32_t offset, uint32_t len,
	bool more)
{
	struct pkt p = { .proto = IPPROTO_UDP, .src = d->src, .dst = d->dst, .id = d->id,
		.src_mac = { { 2, 0, 0, 0, 0, 9 } }, .dst_mac = b->mac[port] };
	struct rte_mbuf *m = pkt_build(b->mbufs, &p);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

	rte_pktmbuf_trim(m, sizeof(struct rte_udp_hdr));
	memcpy(rte_pktmbuf_append(m, len), d->bytes + offset, len);
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + len);
	ip->fragment_offset =
		rte_cpu_to_be_16(offset / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	m->port = b->port[port];
	assert_int_equal(rte_ring_enqueue(b->rx[port][offset / 8 % b->n_queues], m), 0);
	b->put++;
}

/* The nth piece of PIECE bytes. */
static void
put_piece(struct box *b, int port, const struct datagram *d, uint32_t n)
{
	uint32_t offset = n * PIECE, len = RTE_MIN(PIECE, d->len - offset);

	put_part(b, port, d, offset, len, offset + len < d->len);
}

/* What came out, put together; how many pieces there were. Asserts that nothing came twice. */
static uint32_t
gather(struct box *b, int port, struct datagram *d)
{
	static bool seen[65536];
	struct rte_mbuf *m;
	uint32_t n = 0;

	memset(seen, 0, sizeof(seen));
	memset(d, 0, sizeof(*d));
	while ((m = box_get(b, port)) != NULL) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		uint16_t word = rte_be_to_cpu_16(ip->fragment_offset);
		uint32_t offset = (word & RTE_IPV4_HDR_OFFSET_MASK) * 8;
		uint32_t len = rte_be_to_cpu_16(ip->total_length) - sizeof(*ip);

		assert_int_equal(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
		assert_true(n == 0 || ip->packet_id == rte_cpu_to_be_16(d->id));
		for (uint32_t i = offset; i < offset + len; i++) {
			assert_false(seen[i]);
			seen[i] = true;
		}
		memcpy(d->bytes + offset, ip + 1, len);
		d->id = rte_be_to_cpu_16(ip->packet_id);
		d->src = rte_be_to_cpu_32(ip->src_addr);
		d->dst = rte_be_to_cpu_32(ip->dst_addr);
		d->len = RTE_MAX(d->len, offset + len);
		rte_pktmbuf_free(m);
		n++;
	}
	d->sport = d->bytes[0] << 8 | d->bytes[1];
	d->dport = d->bytes[2] << 8 | d->bytes[3];
	return n;
}

static struct datagram out, back, got;

/* Both ways, in this order of pieces. */
static void
through_and_back(uint32_t workers, uint32_t queues, const uint32_t order[PIECES])
{
	static struct datagram in;
	struct pst_config c;
	struct box b;

	box_config(&c, workers, 1);
	box_init(&b, &c, queues);
	make(&in, CLIENT, 5000, SERVER, 53, SIZE);
	in.id = 77;
	for (uint32_t k = 0; k < PIECES; k++)
		put_piece(&b, BOX_INSIDE, &in, order[k]);
	box_settle(&b);
	assert_int_equal(gather(&b, BOX_OUTSIDE, &out), PIECES);
	assert_int_equal(out.src, OUTSIDE);
	assert_int_equal(out.dport, 53);
	assert_int_equal(out.len, SIZE);
	assert_int_equal(sum_of(&out), 0xffff);
	assert_memory_equal(out.bytes + 8, in.bytes + 8, SIZE - 8);
	make(&back, SERVER, 53, OUTSIDE, out.sport, SIZE);
	back.id = 78;
	for (uint32_t k = 0; k < PIECES; k++)
		put_piece(&b, BOX_OUTSIDE, &back, order[k]);
	box_settle(&b);
	assert_int_equal(gather(&b, BOX_INSIDE, &got), PIECES);
	assert_int_equal(got.dst, CLIENT);
	assert_int_equal(got.dport, 5000);
	assert_int_equal(sum_of(&got), 0xffff);
	assert_memory_equal(got.bytes + 8, back.bytes + 8, SIZE - 8);
	assert_int_equal(box_drops(&b, PST_DROP_FRAGMENT), 0);
	box_fini(&b);
}

static void
rfc4787_req14_fragments_in_any_order(void **state)
{
	uint32_t order[PIECES];
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 1);
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t round = 0; round < 10; round++) {
			for (uint32_t k = 0; k < PIECES; k++)
				order[k] = round == 1 ? PIECES - 1 - k : k;
			for (uint32_t k = PIECES - 1; round > 1 && k > 0; k--) {
				uint32_t other = pst_rng_next(&rng) % (k + 1);

				RTE_SWAP(order[k], order[other]);
			}
			through_and_back(workers, round % 2 == 0 ? 1 : 0, order);
		}
	}
}

/* No byte of a datagram passes twice, whatever the pieces say (RFC 1858, RFC 3128). */
static void
rfc4787_req14_overlapping_fragments_are_dropped(void **state)
{
	static struct datagram in;
	struct box b;
	struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	make(&in, CLIENT, 5000, SERVER, 53, 3000);
	put_part(&b, BOX_INSIDE, &in, 0, 1480, true);
	put_part(&b, BOX_INSIDE, &in, 8, 1480, true);      /* over the first one's data */
	put_part(&b, BOX_INSIDE, &in, 0, 1480, true);      /* the first again */
	put_part(&b, BOX_INSIDE, &in, 1472, 800, true);    /* its end */
	put_part(&b, BOX_INSIDE, &in, 1480, 1480, true);
	put_part(&b, BOX_INSIDE, &in, 2960, 41, true);     /* not the last, and no whole units */
	put_part(&b, BOX_INSIDE, &in, 2960, 40, false);
	box_settle(&b);
	assert_int_equal(box_drops(&b, PST_DROP_FRAGMENT), 4);
	assert_int_equal(gather(&b, BOX_OUTSIDE, &out), 3);
	assert_int_equal(sum_of(&out), 0xffff);
	box_fini(&b);
}

/* The header itself in two pieces, so that no port is seen. */
static void
rfc4787_req14_a_tiny_first_fragment_is_dropped(void **state)
{
	static struct datagram in;
	struct pst_config c;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	make(&in, CLIENT, 4000, SERVER, 80, 200);
	m = pkt_build(b.mbufs, &(struct pkt){ .proto = IPPROTO_TCP, .src = CLIENT, .dst = SERVER,
		.sport = 4000, .dport = 80, .tcp_flags = RTE_TCP_SYN_FLAG,
		.src_mac = { { 2, 0, 0, 0, 0, 9 } }, .dst_mac = b.mac[BOX_INSIDE] });
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

	rte_pktmbuf_trim(m, 12);
	ip->total_length = rte_cpu_to_be_16(28);
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	m->port = b.port[BOX_INSIDE];
	assert_int_equal(rte_ring_enqueue(b.rx[BOX_INSIDE][0], m), 0);
	b.put++;
	box_settle(&b);
	assert_null(box_get(&b, BOX_OUTSIDE));
	assert_int_equal(box_drops(&b, PST_DROP_L4_HEADER), 1);
	box_fini(&b);
}

/* Fragments without a first: bounded in number, and in time. */
static void
rfc4787_req14_what_waits_is_bounded(void **state)
{
	static struct datagram in;
	const uint32_t sent = 3000;
	struct pst_config c;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init(&b, &c, 0);
	for (uint32_t k = 0; k < sent; k++) {
		make(&in, CLIENT, 5000, SERVER, 53, 1600);
		in.id = k;
		put_part(&b, BOX_INSIDE, &in, 1480, 120, false);
		box_settle(&b);
	}
	assert_int_equal(pst_frags_held(b.a->workers[0]->frags), 1024);
	assert_int_equal(box_drops(&b, PST_DROP_FRAGMENT), sent - 1024);
	/* the newest ones are those that may still come through */
	put_part(&b, BOX_INSIDE, &in, 0, 1480, true);
	box_settle(&b);
	assert_int_equal(gather(&b, BOX_OUTSIDE, &out), 2);
	box_pass(&b, PST_FRAG_TIMEOUT_MS + 1000);
	assert_int_equal(box_drops(&b, PST_DROP_FRAGMENT), sent - 1);
	assert_int_equal(pst_frags_count(b.a->workers[0]->frags), 0);
	box_fini(&b);
}

/* What the filter refuses does not come in behind it. */
static void
later_fragments_follow_the_verdict_on_the_first(void **state)
{
	static struct datagram in;
	struct pst_config c;
	struct box b;

	(void)state;
	box_config(&c, 2, 1);
	box_init(&b, &c, 0);
	make(&in, SERVER, 53, OUTSIDE, 5000, SIZE);
	for (uint32_t k = 0; k < PIECES; k++)
		put_piece(&b, BOX_OUTSIDE, &in, k);
	box_settle(&b);
	assert_null(box_get(&b, BOX_INSIDE));
	assert_int_equal(box_drops(&b, PST_DROP_NO_MAPPING), 1);
	assert_int_equal(box_drops(&b, PST_DROP_FRAGMENT), PIECES - 1);
	box_fini(&b);
}

/* Two clients use the same id towards the same server: outside the ids differ. */
static void
rfc7857_ids_of_clients_do_not_meet(void **state)
{
	static struct datagram in;
	struct pst_config c;
	uint16_t first = 0;
	struct box b;

	(void)state;
	box_config(&c, 2, 1);
	box_init(&b, &c, 0);
	for (uint32_t k = 0; k < 2; k++) {
		make(&in, CLIENT + k, 5000, SERVER, 53, SIZE);
		in.id = 77;
		for (uint32_t n = 0; n < PIECES; n++)
			put_piece(&b, BOX_INSIDE, &in, n);
		box_settle(&b);
		assert_int_equal(gather(&b, BOX_OUTSIDE, &out), PIECES);
		assert_true(k == 0 || out.id != first);
		first = out.id;
	}
	box_fini(&b);
}

/* Without DF a packet that is too big for the next link is cut there (RFC 791, RFC 1812 5.2.6). */
static void
what_may_be_cut_is_cut(void **state)
{
	static uint8_t data[1450];
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 9);
	struct pst_config c;
	struct box b;

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i;
	in.data = data;
	in.len = sizeof(data);
	for (uint16_t mtu = 576; mtu <= 1477; mtu += 53) {
		uint32_t piece = (mtu - 20) / 8 * 8;

		box_config(&c, 1, 1);
		c.ifaces[BOX_OUTSIDE].mtu = mtu;
		box_init(&b, &c, 0);
		for (int round = 0; round < 2; round++) { /* the neighbour unknown, and known */
			box_put(&b, BOX_INSIDE, &in);
			box_settle(&b);
			assert_int_equal(gather(&b, BOX_OUTSIDE, &out),
				(1458 + piece - 1) / piece);
			assert_int_equal(out.len, 1458);
			assert_int_equal(sum_of(&out), 0xffff);
		}
		box_fini(&b);
	}
}

/* Client to client by an outside address, in pieces. */
static void
rfc4787_req9_hairpin_of_fragments(void **state)
{
	static struct datagram in;
	struct pst_config c;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct pkt first = pkt_udp(CLIENT + 1, 6000, SERVER, 53), mapped;
		struct box b;

		box_config(&c, workers, 1);
		c.nat.filtering = PST_ENDPOINT_INDEPENDENT;
		box_init(&b, &c, 0);
		assert_true(box_pass_through(&b, BOX_INSIDE, &first, &mapped));
		make(&in, CLIENT, 5000, OUTSIDE, mapped.sport, SIZE);
		for (uint32_t k = 0; k < PIECES; k++)
			put_piece(&b, BOX_INSIDE, &in, PIECES - 1 - k);
		box_settle(&b);
		assert_int_equal(gather(&b, BOX_INSIDE, &got), PIECES);
		assert_int_equal(got.src, OUTSIDE);
		assert_int_equal(got.dst, CLIENT + 1);
		assert_int_equal(got.dport, 6000);
		assert_int_equal(sum_of(&got), 0xffff);
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
		cmocka_unit_test(rfc4787_req14_fragments_in_any_order),
		cmocka_unit_test(rfc4787_req14_overlapping_fragments_are_dropped),
		cmocka_unit_test(rfc4787_req14_a_tiny_first_fragment_is_dropped),
		cmocka_unit_test(rfc4787_req14_what_waits_is_bounded),
		cmocka_unit_test(later_fragments_follow_the_verdict_on_the_first),
		cmocka_unit_test(rfc7857_ids_of_clients_do_not_meet),
		cmocka_unit_test(what_may_be_cut_is_cut),
		cmocka_unit_test(rfc4787_req9_hairpin_of_fragments),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
