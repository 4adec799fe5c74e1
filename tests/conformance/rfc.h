/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of the RFCs' demands share: packets through a box without editors' help. */
#pragma once

#include "suite.h"

#define SECONDS(n) ((uint64_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60)

static struct box the_box;

static inline struct pkt
udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	return probe_packet(PST_UDP, src, sport, dst, dport, 0);
}

/* A SYN that its receiver has heard nothing before. */
static inline struct pkt
syn(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct pkt p = probe_packet(PST_TCP, src, sport, dst, dport, TCP_SYN);

	p.seq = 1000;
	p.ack = 0;
	return p;
}

static inline struct pkt
query(uint32_t src, uint32_t dst, uint16_t id)
{
	return (struct pkt){ .proto = IPPROTO_ICMP,
		.src = src,
		.dst = dst,
		.sport = id,
		.icmp_type = RTE_IP_ICMP_ECHO_REQUEST,
		.data = "ping",
		.len = 4 };
}

static inline struct box *
start(const struct pst_config *c)
{
	box_init(&the_box, c, 0);
	return &the_box;
}

static inline struct box *
start_plain(uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	return start(&c);
}

/* It leaves; what the outside sees. */
static inline struct pkt
leaves(struct box *b, struct pkt in)
{
	struct pkt out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	return out;
}

/* From outside to whom? True when it came in. */
static inline bool
comes_in(struct box *b, struct pkt in)
{
	struct pkt out;

	return box_pass_through(b, BOX_OUTSIDE, &in, &out);
}

/* The answer to what was seen outside. */
static inline struct pkt
answer_to(const struct pkt *seen)
{
	struct pkt a = *seen;

	a.src = seen->dst;
	a.dst = seen->src;
	a.sport = seen->proto == IPPROTO_ICMP ? seen->sport : seen->dport;
	a.dport = seen->proto == IPPROTO_ICMP ? 0 : seen->sport;
	a.icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	a.ttl = 0;
	a.data = "answer";
	a.len = 6;
	return a;
}

/* A packet from inside is refused with an ICMP error of that type and code. */
static inline void
is_refused(struct box *b, struct pkt in, enum pst_drop why, uint8_t type, uint8_t code)
{
	struct rte_mbuf *m;
	struct pkt got;

	box_is_dropped(b, BOX_INSIDE, &in, why);
	m = box_get(b, BOX_INSIDE);
	assert_non_null(m);
	assert_true(pkt_read(m, &got));
	assert_int_equal(got.dst, in.src);
	assert_int_equal(got.icmp_type, type);
	assert_int_equal(got.icmp_code, code);
	rte_pktmbuf_free(m);
}

/* Out of both ports comes nothing. */
static inline void
is_silent(struct box *b)
{
	assert_null(box_get(b, BOX_INSIDE));
	assert_null(box_get(b, BOX_OUTSIDE));
}

/* Any two of them differ. */
static inline void
all_differ(const uint16_t *ports, uint32_t n)
{
	static uint8_t seen[UINT16_MAX + 1];

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < n; i++) {
		assert_false(seen[ports[i]]);
		seen[ports[i]] = 1;
	}
}
