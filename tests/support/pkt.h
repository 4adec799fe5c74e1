/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for tests: built whole, with right checksums, and read back. */
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "packet/view.h"

/* What a test says of a packet; zero is a fine default for most. Addresses in host order. */
struct pkt {
	struct rte_ether_addr src_mac, dst_mac;
	uint16_t vlan;
	uint32_t src, dst;
	uint16_t sport, dport; /* ICMP: sport is the identifier */
	uint8_t proto;
	uint8_t ttl; /* 0: 64 */
	bool df;
	uint16_t fragment; /* offset in units of 8 bytes, and RTE_IPV4_HDR_MF_FLAG */
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint16_t window; /* 0: 65535 */
	uint8_t icmp_type, icmp_code;
	uint16_t mtu; /* of an ICMP error */
	uint16_t id;
	const void *data;
	uint32_t len;
	uint8_t options[40];
	uint8_t options_len;
};

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* A new mbuf of the pool with the packet in it. */
struct rte_mbuf *pkt_build(struct rte_mempool *pool, const struct pkt *p);

/*
 * Read one back; false when it is no whole packet with right checksums. Of other protocols than
 * TCP, UDP and ICMP all that is behind the IP header is data.
 */
bool pkt_read(struct rte_mbuf *m, struct pkt *p);

/* Packets of a kind, with a few bytes of data; segments have none, and both sides begin at 1000. */
struct pkt pkt_udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport);
struct pkt pkt_tcp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t flags);
struct pkt pkt_echo(uint32_t src, uint32_t dst, uint16_t id, uint8_t type);
/* What the host that got p answers, with the TCP flags of p. */
struct pkt pkt_answer(const struct pkt *p);

#define PKT_QUOTE_MAX 548 /* bytes of a packet that an ICMP error may quote */

/* An ICMP error of `from` about p, to p's sender; at most `most` bytes of p are quoted in `room`. */
struct pkt pkt_error(uint32_t from, uint8_t type, uint8_t code, const struct pkt *p, uint32_t most,
	uint8_t room[PKT_QUOTE_MAX]);

/*
 * Read the packet that an ICMP error quotes: its ends, protocol, TTL and sequence number. False
 * when a checksum of it is wrong, the L4 one only where all of it is quoted.
 */
bool pkt_read_quote(struct rte_mbuf *m, struct pkt *p);
