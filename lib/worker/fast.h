/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common packet: untagged IPv4 without options, a whole UDP datagram or TCP segment (no
 * SYN) of a connection whose next hop is known. Everything is inline and nothing is parsed that the
 * translation does not need.
 *
 * Each stage looks first and touches last: when a packet turns out to be uncommon it is
 * unchanged and uncounted, and input.c and forward.c begin anew with it. They alone say
 * what becomes of a packet; here are only the cases in which they would send it on.
 */
#pragma once

#include "packet/csum.h"
#include "worker/worker_priv.h"

#define FAST_L2 ((uint32_t)sizeof(struct rte_ether_hdr))
#define FAST_IP ((uint32_t)sizeof(struct rte_ipv4_hdr))

/* What packets of one rx port have in common, and their counts, for as long as a burst. */
struct fast_in {
	uint16_t port;
	uint16_t iface; /* PST_NO_IFACE: no packet of it is common */
	uint8_t way;
	bool virtual_port;
	struct rte_ether_addr mac;
	rte_be32_t broadcast; /* 0: none */
	uint64_t own; /* from inside: one bit by fast_own_bit() for each address of ours */
	uint32_t packets;
	uint64_t bytes;
};

/* The next hop of the packet before, which is most often the next one's too. */
struct fast_out {
	struct pst_hop hop;
	uint16_t iface, port, mtu;
	struct rte_ether_addr src;
	uint64_t dst; /* MAC as in pst_neigh_word() */
	struct tx_buffer *tx;
	uint32_t packets;
	uint64_t bytes;
};

static inline uint64_t
fast_own_bit(rte_be32_t ip)
{
	return UINT64_C(1) << ((ip * 0x9e3779b1u) >> 26);
}

static inline void
fast_enter(struct fast_in *in, const struct pst_net *net, uint16_t port)
{
	const struct pst_iface *iface;
	uint32_t host;

	*in = (struct fast_in){ .port = port, .iface = net->untagged[port] };
	if (in->iface == PST_NO_IFACE)
		return;
	iface = &net->ifaces[in->iface];
	in->way = iface->zone == PST_NET_INTERNAL ? PST_WAY_OUT : PST_WAY_IN;
	in->virtual_port = iface->virtual_port;
	in->mac = iface->mac;
	host = iface->prefix_len < 31 ? UINT32_MAX >> iface->prefix_len : 0;
	if (host != 0)
		in->broadcast = iface->ip | rte_cpu_to_be_32(host);
	for (uint32_t i = 0; in->way == PST_WAY_OUT && i < net->n_ifaces; i++)
		in->own |= fast_own_bit(net->ifaces[i].ip);
}

/* Account for the packets that were common. */
static inline void
fast_leave(struct pst_worker *w, const struct fast_in *in, bool handed)
{
	if (handed || in->packets == 0)
		return;
	w->stats.ifaces[in->iface].rx_packets += in->packets;
	w->stats.ifaces[in->iface].rx_bytes += in->bytes;
	pst_rss_check_add(&w->rss[in->port], in->packets, 0);
}

/* Version 4, 20 bytes of header, neither a fragment nor a part of one. */
static inline bool
fast_is_plain(const struct rte_ipv4_hdr *ip)
{
	uint64_t word;

	memcpy(&word, ip, sizeof(word));
	return (word & RTE_BE64(0xff00000000003fff)) == RTE_BE64(0x4500000000000000);
}

static inline bool
fast_ip_csum_ok(const struct rte_ipv4_hdr *ip)
{
	uint32_t word[5];

	memcpy(word, ip, sizeof(word));
	return pst_csum_is_zero((uint64_t)word[3] + word[4] + word[0] + word[1] + word[2]);
}

/* Not a martian, a group or this network (RFC 1812 section 5.3.7). */
static inline bool
fast_is_host(rte_be32_t ip)
{
	uint32_t net = rte_be_to_cpu_32(ip) >> 24;

	return net - 1 < 223 && net != 127;
}

/* Is the L4 header whole, and not one that begins a connection? */
static inline bool
fast_is_whole(const struct rte_ipv4_hdr *ip, uint32_t l4_len, uint8_t *tcp_flags)
{
	const struct rte_udp_hdr *udp = (const void *)(ip + 1);
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);
	uint32_t len;

	*tcp_flags = 0;
	if (likely(ip->next_proto_id == IPPROTO_UDP)) {
		len = rte_be_to_cpu_16(udp->dgram_len);
		return l4_len >= sizeof(*udp) && len >= sizeof(*udp) && len <= l4_len;
	}
	if (ip->next_proto_id != IPPROTO_TCP || l4_len < sizeof(*tcp))
		return false;
	*tcp_flags = tcp->tcp_flags;
	len = (tcp->data_off >> 4) * 4;
	return len - sizeof(*tcp) <= l4_len - sizeof(*tcp) &&
		!(tcp->tcp_flags & RTE_TCP_SYN_FLAG);
}

/* Does the checksum field seem to hold the pseudo-header's sum, left to absent hardware? */
static inline bool
fast_is_unfinished(const struct rte_ipv4_hdr *ip, uint32_t l4_len)
{
	const struct rte_udp_hdr *udp = (const void *)(ip + 1);
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);
	uint16_t field = ip->next_proto_id == IPPROTO_UDP ? udp->dgram_cksum : tcp->cksum;

	return pst_csum_is_zero((uint64_t)ip->src_addr + ip->dst_addr +
		rte_cpu_to_be_16(ip->next_proto_id) + rte_cpu_to_be_16(l4_len) + (field ^ 0xffff));
}

static inline bool
fast_is_addressed(const struct fast_in *in, const struct rte_ether_hdr *eth,
	const struct rte_ipv4_hdr *ip)
{
	return rte_is_same_ether_addr(&eth->dst_addr, &in->mac) && fast_is_host(ip->src_addr) &&
		fast_is_host(ip->dst_addr) && ip->dst_addr != in->broadcast &&
		(in->own & fast_own_bit(ip->dst_addr)) == 0;
}

/* Key, owner, hash; false when another worker owns it. */
static inline bool
fast_key(const struct pst_worker *w, const struct fast_in *in, struct job *job)
{
	const struct rte_ipv4_hdr *ip = job->ip;
	const struct rte_udp_hdr *udp = (const void *)(ip + 1); /* TCP has its ports there too */
	uint32_t owner;

	if (in->way == PST_WAY_OUT) {
		owner = pst_steer_inside(w->params.steer, rte_be_to_cpu_32(ip->src_addr));
		job->key = pst_key_conn(PST_WAY_OUT, ip->next_proto_id, ip->src_addr,
			udp->src_port, ip->dst_addr, udp->dst_port);
	} else {
		owner = pst_steer_outside(w->params.steer, rte_be_to_cpu_16(udp->dst_port));
		job->key = pst_key_conn(PST_WAY_IN, ip->next_proto_id, ip->dst_addr,
			udp->dst_port, ip->src_addr, udp->src_port);
	}
	return likely(owner == w->params.index);
}

/* Sort a packet as pst_worker_sort() would; false when it is not common. */
static __rte_always_inline bool
fast_sort(const struct pst_worker *w, struct fast_in *in, struct job *job)
{
	struct rte_mbuf *m = job->m;
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	uint32_t len = rte_pktmbuf_data_len(m), ip_len;

	if (unlikely(m->nb_segs > 1 || (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) ||
		    len < FAST_L2 + FAST_IP || in->iface == PST_NO_IFACE))
		return false;
	if (unlikely(eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) || !fast_is_plain(ip)))
		return false;
	ip_len = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(ip_len < FAST_IP || ip_len > len - FAST_L2 ||
		    !fast_is_whole(ip, ip_len - FAST_IP, &job->tcp_flags)))
		return false;
	if (unlikely(!fast_ip_csum_ok(ip) || !fast_is_addressed(in, eth, ip)))
		return false;
	if (in->virtual_port && unlikely(fast_is_unfinished(ip, ip_len - FAST_IP)))
		return false;
	job->ip = ip;
	job->ip_len = ip_len;
	job->iface = in->iface;
	job->way = in->way;
	if (!fast_key(w, in, job))
		return false;
	in->packets++;
	in->bytes += rte_pktmbuf_pkt_len(m);
	return true;
}

static inline void
fast_set_l4(struct rte_ipv4_hdr *ip, enum pst_way way, rte_be16_t port, uint16_t delta)
{
	struct rte_udp_hdr *udp = (void *)(ip + 1); /* TCP has its ports there too */
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);

	if (way == PST_WAY_OUT)
		udp->src_port = port;
	else
		udp->dst_port = port;
	if (likely(ip->next_proto_id == IPPROTO_UDP))
		udp->dgram_cksum = pst_csum_apply_udp(udp->dgram_cksum, delta);
	else
		tcp->cksum = pst_csum_apply(tcp->cksum, delta);
}

static inline void
fast_translate(struct rte_ipv4_hdr *ip, const struct pst_conn *c, enum pst_way way)
{
	uint64_t end = c->local[way == PST_WAY_OUT ? PST_WAY_IN : PST_WAY_OUT];
	uint16_t flip = way == PST_WAY_OUT ? 0 : 0xffff;

	if (way == PST_WAY_OUT)
		ip->src_addr = pst_key_ip(end);
	else
		ip->dst_addr = pst_key_ip(end);
	ip->time_to_live--;
	ip->hdr_checksum = pst_csum_apply(
		ip->hdr_checksum, pst_csum_add(c->ip_delta ^ flip, PST_CSUM_TTL_DELTA));
	fast_set_l4(ip, way, pst_key_port(end), c->l4_delta ^ flip);
}

/* Write the addresses; the frame had the same type before. */
static inline void
fast_set_l2(struct rte_ipv4_hdr *ip, const struct fast_out *out)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)ip - 1;
	uint64_t dst = rte_cpu_to_le_64(out->dst);

	memcpy(&eth->dst_addr, &dst, sizeof(dst)); /* two bytes too many, written next */
	memcpy(&eth->src_addr, &out->src, sizeof(eth->src_addr));
}

static inline void
fast_out_init(struct fast_out *out)
{
	*out = (struct fast_out){ .hop = { UINT16_MAX, UINT16_MAX } }; /* nobody's */
}

/* Account for the packets to the next hop. */
static inline void
fast_out_leave(struct pst_worker *w, struct fast_out *out)
{
	w->stats.ifaces[out->iface].tx_packets += out->packets;
	w->stats.ifaces[out->iface].tx_bytes += out->bytes;
	out->packets = 0;
	out->bytes = 0;
}

/* Look a next hop up; false when it has to be resolved, or is nothing for common packets. */
static inline bool
fast_out_enter(struct pst_worker *w, struct fast_out *out, struct pst_hop hop)
{
	const struct pst_neigh_table *neigh = w->params.net->neigh;
	uint64_t word = pst_neigh_word(neigh, hop);
	uint16_t i = pst_neigh_iface(neigh, hop);
	const struct pst_iface *iface = &w->params.net->ifaces[i];

	if (unlikely(word == 0 || iface->vlan != 0 ||
		    w->params.ports[iface->port].tx_queue == PST_NO_QUEUE))
		return false;
	fast_out_leave(w, out);
	out->hop = hop;
	out->iface = i;
	out->port = iface->port;
	out->mtu = iface->mtu;
	out->src = iface->mac;
	out->dst = word;
	out->tx = &w->tx[iface->port];
	return true;
}

static inline void
fast_send(struct pst_worker *w, struct fast_out *out, struct rte_mbuf *m)
{
	struct tx_buffer *tx = out->tx;

	out->packets++;
	out->bytes += rte_pktmbuf_pkt_len(m);
	tx->packets[tx->n++] = m;
	if (unlikely(tx->n == PST_BURST))
		pst_worker_flush_port(w, out->port);
}

/* That an editor has its handle does not matter here: only a SYN may begin it anew. */
#define FAST_UNCOMMON                                                                              \
	(PST_CONN_WATCHED | PST_CONN_OFFSET | PST_CONN_RECEIVE_ONLY | PST_CONN_DENIED |            \
		PST_CONN_ALIASED | PST_CONN_HAIRPIN)

/* A segment that the windows let through; SYNs are looked at closer. Others are no segments. */
static inline bool
fast_is_expected(struct pst_worker *w, const struct job *job, uint32_t i)
{
	const struct rte_tcp_hdr *tcp = (const void *)(job->ip + 1);
	struct pst_conn *c = &w->nat->conns.hot[i];
	uint32_t len;

	if (job->ip->next_proto_id != IPPROTO_TCP)
		return true;
	if (unlikely(job->tcp_flags & RTE_TCP_SYN_FLAG))
		return false;
	len = job->ip_len - FAST_IP - (tcp->data_off >> 4) * 4;
	return pst_tcp_window_pass(&c->tcp,
		pst_conn_dir(c, (enum pst_way)job->way), tcp, job->tcp_flags, len);
}

/* Do what pst_worker_forward() would; false when the packet is not common after all. */
static __rte_always_inline bool
fast_forward(struct pst_worker *w, struct fast_out *out, struct job *job, uint32_t i,
	uint64_t now_ms)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	enum pst_way way = (enum pst_way)job->way;
	struct pst_hop hop = c->hop[way];

	if (unlikely(c->flags & FAST_UNCOMMON))
		return false;
	if ((hop.id != out->hop.id || hop.tag != out->hop.tag) && !fast_out_enter(w, out, hop))
		return false;
	if (unlikely(job->ip_len > out->mtu || job->ip->time_to_live <= 1))
		return false;
	if (unlikely(!fast_is_expected(w, job, i)))
		return false;
	pst_nat_advance(w->nat, i, way, job->tcp_flags, now_ms);
	pst_conn_count(&w->nat->conns, c, way, job->ip_len);
	if (way == PST_WAY_OUT && likely(pst_key_ip(c->local[PST_WAY_IN]) != job->ip->src_addr))
		pst_worker_renumber(w, job->ip);
	fast_translate(job->ip, c, way);
	fast_set_l2(job->ip, out);
	fast_send(w, out, job->m);
	return true;
}
