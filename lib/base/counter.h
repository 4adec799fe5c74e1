/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters: every packet's fate, by name. One lcore writes a set, any reads.
 *
 * The packet account (contract, Metrics): at a quiet moment
 *	received + originated = sent + dropped + consumed + held
 * where dropped, consumed and originated are the sums of the lists below.
 */
#pragma once

#include <stdint.h>

#include <rte_common.h>

/* clang-format off */
#define PST_DROPS(X) \
	X(TRUNCATED, "truncated") /* shorter than its headers say */ \
	X(ETHERTYPE, "ethertype") /* neither IPv4 nor ARP */ \
	X(IPV6, "ipv6") \
	X(VLAN, "vlan") /* a tag of none of our interfaces */ \
	X(DST_MAC, "dst_mac") /* not addressed to us */ \
	X(IP_HEADER, "ip_header") /* version, length or options wrong */ \
	X(IP_CHECKSUM, "ip_checksum") \
	X(L4_HEADER, "l4_header") \
	X(L4_CHECKSUM, "l4_checksum") \
	X(FRAGMENT, "fragment") /* it overlaps, its first did not come, or an editor would read it */ \
	X(IP_PROTOCOL, "ip_protocol") /* none that we translate */ \
	X(BAD_ADDRESS, "bad_address") /* martian, broadcast, multicast */ \
	X(TTL, "ttl") \
	X(MTU, "mtu") /* too big, and not to be fragmented */ \
	X(NO_ROUTE, "no_route") \
	X(NO_NEIGHBOUR, "no_neighbour") /* the next hop did not answer ARP */ \
	X(NEIGHBOUR_QUEUE, "neighbour_queue") /* too many packets wait for it */ \
	X(NO_MAPPING, "no_mapping") /* from outside, to a port nobody has */ \
	X(FILTERED, "filtered") /* the mapping's filtering mode */ \
	X(IP_FILTER, "ip_filter") /* an endpoint's IP filter */ \
	X(CONFLICT, "conflict") /* the same two ends talk by another port */ \
	X(PEER_USED, "peer_used") /* another client has that peer, by a protocol without ports */ \
	X(HAIRPIN, "hairpin") /* from inside to one of our outside addresses */ \
	X(ICMP_ERROR, "icmp_error") \
	X(ENDPOINT_USED, "endpoint_used") /* one connection was allowed, and came */ \
	X(ENDPOINT_UNSET, "endpoint_unset") /* its client address is not known yet */ \
	X(ENDPOINT_BACKLOG, "endpoint_backlog") \
	X(ENDPOINT_UNAPPROVED, "endpoint_unapproved") /* a map of no allowed protocol yet */ \
	X(RECEIVE_ONLY, "receive_only") /* an endpoint without BIDIRECTIONAL */ \
	X(PACKET_FILTER, "packet_filter") \
	X(RULE, "rule") \
	X(TCP_WINDOW, "tcp_window") /* outside of what its receiver may expect */ \
	X(TCP_NO_SYN, "tcp_no_syn") /* no connection, and it would not open one */ \
	X(ICMP_TYPE, "icmp_type") \
	X(NO_PORT, "no_port") /* the pool is empty */ \
	X(CLIENT_PORTS, "client_ports") /* the client's quota */ \
	X(CLIENT_SESSIONS, "client_sessions") \
	X(CLIENT_RATE, "client_rate") /* its new connections a second */ \
	X(NO_CONNECTION, "no_connection") /* the table is full */ \
	X(NO_BIND, "no_bind") \
	X(NO_CLIENT, "no_client") \
	X(HANDOVER_RING, "handover_ring") /* the other worker is behind */ \
	X(EDITOR_RING, "editor_ring") \
	X(EDITOR_STALE, "editor_stale") /* its connection is gone */ \
	X(EDITOR_BOUND, "editor_bound") /* out-of-order data past the bound */ \
	X(EDITOR_DENIED, "editor_denied") \
	X(EDITOR_FULL, "editor_full") /* no room for one more connection that an editor has */ \
	X(MAIN_RING, "main_ring") \
	X(NO_MBUF, "no_mbuf") \
	X(TX_FULL, "tx_full") \
	X(STOPPED, "stopped") /* in a queue when the appliance stopped */

#define PST_CONSUMEDS(X) \
	X(ARP, "arp") \
	X(LOCAL, "local") /* addressed to ourselves, and dealt with */ \
	X(EDITOR, "editor") /* acknowledged by the stream engine, or taken in by it */

#define PST_ORIGINATEDS(X) \
	X(ARP, "arp") \
	X(ICMP, "icmp") \
	X(EDITOR, "editor") /* segments that the stream engine made */ \
	X(FRAGMENT, "fragment") /* pieces but for the first, of what was cut */
/* clang-format on */

enum pst_drop {
#define X(id, name) PST_DROP_##id,
	PST_DROPS(X)
#undef X
	PST_DROP_COUNT,
};

enum pst_consumed {
#define X(id, name) PST_CONSUMED_##id,
	PST_CONSUMEDS(X)
#undef X
	PST_CONSUMED_COUNT,
};

enum pst_originated {
#define X(id, name) PST_ORIGINATED_##id,
	PST_ORIGINATEDS(X)
#undef X
	PST_ORIGINATED_COUNT,
};

extern const char *const pst_drop_names[PST_DROP_COUNT];
extern const char *const pst_consumed_names[PST_CONSUMED_COUNT];
extern const char *const pst_originated_names[PST_ORIGINATED_COUNT];

/* The packet account of one lcore. That lcore writes, others read (relaxed). */
struct pst_account {
	uint64_t received;
	uint64_t sent;
	uint64_t dropped[PST_DROP_COUNT];
	uint64_t consumed[PST_CONSUMED_COUNT];
	uint64_t originated[PST_ORIGINATED_COUNT];
} __rte_cache_aligned;

/* Add b into a; what another lcore writes meanwhile is read word by word. */
void pst_account_add(struct pst_account *a, const struct pst_account *b);

/* received + originated - sent - dropped - consumed: what must be held somewhere. */
int64_t pst_account_held(const struct pst_account *a);
