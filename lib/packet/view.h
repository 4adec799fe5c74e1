/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * View: one packet parsed once. Offsets, lengths and endpoints; the bytes stay
 * where they are. Addresses and ports are in network byte order, as they lie.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "base/counter.h"
#include "pst_types.h"

enum pst_view_kind {
	PST_VIEW_L4,    /* TCP, UDP or an ICMP query: has both ports */
	PST_VIEW_ERROR, /* an ICMP error: quotes another packet */
	PST_VIEW_LATER_FRAGMENT,
	PST_VIEW_FIRST_FRAGMENT,
	PST_VIEW_PORTLESS, /* another IP protocol: GRE, ESP, ... */
	PST_VIEW_OTHER, /* another ICMP type */
	PST_VIEW_ARP,
	PST_VIEW_BAD, /* `drop` says why */
};

struct pst_view {
	uint8_t *l2;
	struct rte_ipv4_hdr *ip;
	void *l4;
	uint16_t l4_len; /* by the IP header, without link-layer padding */
	uint16_t vlan;   /* 0: untagged */
	uint8_t kind;    /* enum pst_view_kind */
	uint8_t proto;
	uint8_t tcp_flags;
	uint8_t drop;       /* enum pst_drop */
	rte_be32_t src, dst;
	rte_be16_t sport, dport; /* an ICMP query: its identifier, twice */
};

/* Parse. A tag in the frame and one stripped into the mbuf's metadata are alike. */
void pst_view_parse(struct pst_view *v, struct rte_mbuf *m);

/* The packet that an ICMP error is about, as the error quotes it. */
struct pst_quote {
	struct rte_ipv4_hdr *ip;
	void *l4;
	uint16_t l4_len; /* what is there of it, at least 8 bytes */
	uint8_t proto;
	rte_be32_t src, dst;
	rte_be16_t sport, dport; /* an ICMP query: its identifier, twice */
};

/*
 * Read the quote of an ERROR, past its IP options. False when it is an ICMP error itself, a
 * later fragment, or when its IP checksum is wrong (RFC 5508 REQ-3). Its L4 checksum is
 * nobody's concern: most quotes are cut.
 */
bool pst_view_quote(const struct pst_view *v, struct pst_quote *q);

/* All that is mapped has ports, or an identifier in their place; but GRE, ESP and the like. */
static inline bool
pst_view_is_portless(uint8_t proto)
{
	return proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_ICMP;
}

/* The whole IP packet's length, header included. */
static inline uint16_t
pst_view_ip_len(const struct pst_view *v)
{
	return rte_be_to_cpu_16(v->ip->total_length);
}

/* True when the IP header's checksum, or that of UDP, TCP or ICMP, is right (0 in UDP is). */
bool pst_view_ip_csum_ok(const struct pst_view *v);
bool pst_view_l4_csum_ok(const struct pst_view *v);

/* Compute the L4 checksum over the packet as it is; for what a kernel left to offload. */
void pst_view_l4_csum_fill(const struct pst_view *v);
