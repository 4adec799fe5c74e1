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
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint16_t window; /* 0: 65535 */
	uint8_t icmp_type, icmp_code;
	const void *data;
	uint32_t len;
	uint8_t options[40];
	uint8_t options_len;
};

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* A new mbuf of the pool with the packet in it. */
struct rte_mbuf *pkt_build(struct rte_mempool *pool, const struct pkt *p);

/* Read one back; false when it is no whole TCP, UDP or ICMP packet with right checksums. */
bool pkt_read(struct rte_mbuf *m, struct pkt *p);
