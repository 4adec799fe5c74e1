/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that the appliance makes itself: ARP, answers to echo requests, and
 * ICMP errors.
 */
#pragma once

#include <rte_arp.h>
#include <rte_mbuf.h>

#include "packet/view.h"
#include "worker/net.h"

enum pst_icmp_error {
	PST_ICMP_NET_UNREACHABLE,
	PST_ICMP_HOST_UNREACHABLE,
	PST_ICMP_PORT_UNREACHABLE,
	PST_ICMP_PROHIBITED, /* type 3, code 13 (RFC 5508 REQ-8) */
	PST_ICMP_TOO_BIG,    /* type 3, code 4, with an MTU (RFC 1191) */
	PST_ICMP_TTL_EXCEEDED,
};

/* The ARP header of a frame, tagged or not; NULL when it is none for Ethernet and IPv4. */
struct rte_arp_hdr *pst_reply_arp_of(const struct rte_mbuf *m);

/* Fill an empty mbuf with "who has ip"; to NULL: everybody. */
void pst_reply_arp_request(struct rte_mbuf *m, const struct pst_iface *iface, rte_be32_t ip,
	const struct rte_ether_addr *to);

/* Fill an empty mbuf with the news that an address of ours is here (RFC 5227 section 2.3). */
void pst_reply_arp_announce(struct rte_mbuf *m, const struct pst_iface *iface, rte_be32_t ip);

/* Turn a request into the interface's reply for the address it asks for. */
void pst_reply_arp(struct rte_mbuf *m, struct rte_arp_hdr *arp, const struct pst_iface *iface);

/* Turn an echo request into its reply. */
void pst_reply_echo(struct rte_mbuf *m, const struct pst_view *v, const struct pst_iface *iface);

/* True when RFC 1122 section 3.2.2 and RFC 1812 section 4.3.2.7 let an error answer it. */
bool pst_reply_may_answer(const struct pst_view *v);

/*
 * Fill an empty mbuf with an error about a packet that came in by an
 * interface, back to its sender. mtu: of the next hop, for TOO_BIG.
 */
void pst_reply_error(struct rte_mbuf *m, const struct pst_view *v, const struct pst_iface *iface,
	enum pst_icmp_error error, uint16_t mtu);
