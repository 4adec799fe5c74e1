/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common packet: IPv4 without options, tagged or not, a whole UDP datagram or TCP segment (no
 * SYN) of a connection whose next hop is known. Everything is inline and nothing is parsed that the
 * translation does not need.
 *
 * Each stage looks first and touches last: when a packet turns out to be uncommon it is
 * unchanged, and input.c and forward.c begin anew with it. They alone say what becomes of a
 * packet; here are only the cases in which they would send it on. Addresses are not looked
 * at: a connection was begun by a packet of the same ones, which input.c let through; a packet
 * without a connection is sorted there.
 *
 * Most functions take the way of the packets as an argument that is a constant where they are
 * inlined: a burst of a port with one interface goes one way.
 */
#pragma once

#include "packet/csum.h"
#include "worker/worker_priv.h"

#define FAST_L2 ((uint32_t)sizeof(struct rte_ether_hdr))
#define FAST_TAG ((uint32_t)sizeof(struct rte_vlan_hdr))
#define FAST_IP ((uint32_t)sizeof(struct rte_ipv4_hdr))
#define FAST_PACKET (UINT64_C(1) << 40) /* in a sum of packets and, below, their bytes */
#define FAST_VLAN 0x0fff
#define FAST_MAC RTE_LE64(0x0000ffffffffffff)

/* As rte_be_to_cpu_16() has it, but known to the compiler. */
static inline uint16_t
fast_be16(rte_be16_t x)
{
	return __builtin_bswap16(x);
}

/* What packets of one interface have in common, and their counts, for as long as a burst. */
struct fast_in {
	uint16_t port;
	uint16_t iface; /* PST_NO_IFACE: no packet of it is common */
	uint8_t way;
	uint8_t l2_len;
	bool virtual_port;
	uint64_t mac;		       /* as a frame to it begins, and two bytes of 0 */
	uint64_t type, type_mask;      /* eight bytes from the type on, up to IP's version */
	uint64_t count; /* FAST_PACKET for each, and its bytes */
};

/* The next hop of the packet before, which is most often the next one's too. */
struct fast_out {
	struct pst_hop hop;
	uint16_t iface, port, mtu;
	uint16_t l2_len;
	struct {
		struct rte_ether_addr dst, src;
		rte_be16_t tag[2]; /* behind them, if it is not 0 */
	} l2;
	struct tx_buffer *tx;
	uint64_t count; /* as in fast_in */
};

/* A frame's VLAN id, 0 without a tag. Frames that are no longer than a header have none. */
static inline uint16_t
fast_vlan(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const void *)(eth + 1);

	if (rte_pktmbuf_data_len(m) < FAST_L2 + FAST_TAG ||
		eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
		return 0;
	return rte_be_to_cpu_16(tag->vlan_tci) & FAST_VLAN;
}

/* The frames of an interface: behind the addresses a tag or none, IPv4, no options. */
static inline void
fast_set_type(struct fast_in *in, uint16_t vlan)
{
	const struct {
		rte_be16_t type[4];
	} plain = { { RTE_BE16(RTE_ETHER_TYPE_IPV4), RTE_BE16(0x4500) } },
	  plain_mask = { { 0xffff, RTE_BE16(0xff00) } },
	  tagged = { { RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan),
		  RTE_BE16(RTE_ETHER_TYPE_IPV4), RTE_BE16(0x4500) } },
	  tagged_mask = { { 0xffff, RTE_BE16(FAST_VLAN), 0xffff, RTE_BE16(0xff00) } };

	memcpy(&in->type, vlan == 0 ? &plain : &tagged, sizeof(in->type));
	memcpy(&in->type_mask, vlan == 0 ? &plain_mask : &tagged_mask, sizeof(in->type_mask));
}

/* Begin with the interface that a packet came in by. */
static inline void
fast_enter(struct fast_in *in, const struct pst_net *net, const struct rte_mbuf *m)
{
	uint16_t vlan = net->tagged[m->port] ? fast_vlan(m) : 0;
	const struct pst_iface *iface;

	*in = (struct fast_in){ .port = m->port,
		.iface = pst_net_iface(net, m->port, vlan),
		.type = UINT64_MAX, /* of no frame */
		.type_mask = UINT64_MAX };
	if (in->iface == PST_NO_IFACE)
		return;
	iface = &net->ifaces[in->iface];
	in->way = iface->zone == PST_NET_INTERNAL ? PST_WAY_OUT : PST_WAY_IN;
	in->l2_len = FAST_L2 + (vlan != 0 ? FAST_TAG : 0);
	in->virtual_port = iface->virtual_port;
	memcpy(&in->mac, &iface->mac, sizeof(iface->mac));
	fast_set_type(in, vlan);
}

/* Account for the packets that were common. */
static inline void
fast_leave(struct pst_worker *w, const struct fast_in *in, bool handed)
{
	if (handed || in->count == 0)
		return;
	w->stats.ifaces[in->iface].rx_packets += in->count / FAST_PACKET;
	w->stats.ifaces[in->iface].rx_bytes += in->count % FAST_PACKET;
	pst_rss_check_add(&w->rss[in->port], in->count / FAST_PACKET, 0);
}

/* To us, IPv4 by this interface, without options. There are an L2 and an IP header at least. */
static inline bool
fast_is_of(const struct fast_in *in, const struct rte_ether_hdr *eth)
{
	uint64_t mac, type;

	memcpy(&mac, eth, sizeof(mac));
	memcpy(&type, &eth->ether_type, sizeof(type));
	return (((mac & FAST_MAC) ^ in->mac) | ((type & in->type_mask) ^ in->type)) == 0;
}

/* Neither a fragment nor one of those that follow it. */
static inline bool
fast_is_one(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & RTE_BE16(0x3fff)) == 0;
}

static inline bool
fast_ip_csum_ok(const struct rte_ipv4_hdr *ip)
{
	uint64_t first, second;
	uint32_t third;

	memcpy(&first, ip, sizeof(first));
	memcpy(&second, &ip->time_to_live, sizeof(second));
	memcpy(&third, &ip->dst_addr, sizeof(third));
	return pst_csum_is_zero(pst_csum_join(pst_csum_join(first, second), third));
}

/* Is the L4 header whole, and not one that begins a connection? */
static inline bool
fast_is_whole(const struct rte_ipv4_hdr *ip, uint32_t l4_len)
{
	const struct rte_udp_hdr *udp = (const void *)(ip + 1);
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);
	uint32_t len;

	if (likely(ip->next_proto_id == IPPROTO_UDP)) {
		len = fast_be16(udp->dgram_len);
		return len - sizeof(*udp) <= l4_len - sizeof(*udp);
	}
	if (ip->next_proto_id != IPPROTO_TCP || l4_len < sizeof(*tcp))
		return false;
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

/* Where the lookup begins: ask for it. */
static __rte_always_inline void
fast_ask(const struct pst_flowtable *flows, struct job *job, struct pst_flow_key key)
{
	uint64_t hash = pst_flow_hash(flows, key);
	const struct pst_flow_bucket *bucket = pst_flow_home(flows, hash);

	rte_prefetch0(bucket);
	job->bucket = bucket;
	job->sig = pst_flow_sig(hash);
}

/* Key and owner; false when another worker owns it. */
static __rte_always_inline bool
fast_key(const struct pst_worker *w, const struct pst_flowtable *flows, struct job *job,
	enum pst_way way)
{
	const struct rte_ipv4_hdr *ip = job->ip;
	const struct rte_udp_hdr *udp = (const void *)(ip + 1); /* TCP has its ports there too */
	struct pst_flow_key key;
	uint32_t owner;

	if (way == PST_WAY_OUT) {
		owner = pst_steer_inside(w->params.steer, rte_be_to_cpu_32(ip->src_addr));
		key = pst_key_conn(PST_WAY_OUT, ip->next_proto_id, ip->src_addr, udp->src_port,
			ip->dst_addr, udp->dst_port);
	} else {
		owner = pst_steer_outside(w->params.steer, rte_be_to_cpu_16(udp->dst_port));
		key = pst_key_conn(PST_WAY_IN, ip->next_proto_id, ip->dst_addr, udp->dst_port,
			ip->src_addr, udp->src_port);
	}
	fast_ask(flows, job, key);
	job->key = key;
	return likely(owner == w->params.index);
}

/* Sort a packet as pst_worker_sort() would; false when it is not common. */
static __rte_always_inline bool
fast_sort(const struct pst_worker *w, const struct pst_flowtable *flows, struct fast_in *in,
	struct job *job, enum pst_way way)
{
	struct rte_mbuf *m = job->m;
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)((uint8_t *)eth + in->l2_len);
	uint32_t len = rte_pktmbuf_data_len(m), room = len - in->l2_len, ip_len;

	if (unlikely(len != rte_pktmbuf_pkt_len(m) || (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) ||
		    len < FAST_L2 + FAST_TAG + FAST_IP))
		return false;
	if (unlikely(!fast_is_of(in, eth) || !fast_is_one(ip)))
		return false;
	ip_len = fast_be16(ip->total_length);
	if (unlikely(ip_len < FAST_IP + sizeof(struct rte_udp_hdr) || ip_len > room ||
		    !fast_is_whole(ip, ip_len - FAST_IP)))
		return false;
	if (unlikely(!fast_ip_csum_ok(ip)))
		return false;
	if (in->virtual_port && unlikely(fast_is_unfinished(ip, ip_len - FAST_IP)))
		return false;
	job->ip = ip;
	job->ip_len = ip_len;
	job->l2_len = in->l2_len;
	if (unlikely(!fast_key(w, flows, job, way)))
		return false;
	in->count += FAST_PACKET + len;
	return true;
}

/* Another port; `sum` is what the address changes by. */
static __rte_always_inline void
fast_set_l4(struct rte_ipv4_hdr *ip, enum pst_way way, rte_be16_t port, uint32_t sum)
{
	struct rte_udp_hdr *udp = (void *)(ip + 1); /* TCP has its ports there too */
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);
	rte_be16_t own = way == PST_WAY_OUT ? udp->src_port : udp->dst_port;
	uint32_t change = pst_csum_change16(own, port);

	if (way == PST_WAY_OUT)
		udp->src_port = port;
	else
		udp->dst_port = port;
	if (likely(ip->next_proto_id == IPPROTO_UDP))
		udp->dgram_cksum = pst_csum_apply_sum_udp(udp->dgram_cksum, sum, change);
	else
		tcp->cksum = pst_csum_apply_sum(tcp->cksum, sum, change);
}

/* The end that packets of this way come with gives way to the other one. */
static __rte_always_inline void
fast_translate(struct rte_ipv4_hdr *ip, const struct pst_conn *c, enum pst_way way)
{
	uint64_t end = c->local[pst_way_other(way)];
	rte_be32_t own = way == PST_WAY_OUT ? ip->src_addr : ip->dst_addr;
	uint32_t sum = pst_csum_add32(~own, pst_key_ip(end));

	if (way == PST_WAY_OUT)
		ip->src_addr = pst_key_ip(end);
	else
		ip->dst_addr = pst_key_ip(end);
	ip->time_to_live--;
	ip->hdr_checksum = pst_csum_apply_sum(ip->hdr_checksum, sum, PST_CSUM_TTL_DELTA);
	fast_set_l4(ip, way, pst_key_port(end), sum);
}

/* The frame begins somewhere else: with a tag that is new, or without the one it had. */
static inline void
fast_shift(struct rte_mbuf *m, int shift)
{
	m->data_off -= shift;
	m->data_len += shift;
	m->pkt_len += shift;
}

/* Neither as it came nor as it goes. */
static inline bool
fast_is_untagged(const struct job *job, const struct fast_out *out)
{
	return (job->l2_len | out->l2_len) == FAST_L2;
}

/* Write what is in front of the IP header, but for its type, which is there as it was. */
static __rte_always_inline void
fast_set_l2(struct job *job, const struct fast_out *out)
{
	uint8_t *eth = (uint8_t *)job->ip - out->l2_len;

	memcpy(eth, &out->l2, 2 * RTE_ETHER_ADDR_LEN);
	if (likely(fast_is_untagged(job, out)))
		return;
	if (out->l2.tag[0] != 0)
		memcpy(eth + 2 * RTE_ETHER_ADDR_LEN, out->l2.tag, sizeof(out->l2.tag));
	fast_shift(job->m, out->l2_len - job->l2_len);
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
	w->stats.ifaces[out->iface].tx_packets += out->count / FAST_PACKET;
	w->stats.ifaces[out->iface].tx_bytes += out->count % FAST_PACKET;
	out->count = 0;
}

/* Look a next hop up; false when it has to be resolved, or is nothing for common packets. */
static __rte_noinline bool
fast_out_enter(struct pst_worker *w, struct fast_out *out, struct pst_hop hop)
{
	const struct pst_neigh_table *neigh = w->params.net->neigh;
	uint64_t word = pst_neigh_word(neigh, hop);
	uint16_t i = pst_neigh_iface(neigh, hop);
	const struct pst_iface *iface = &w->params.net->ifaces[i];

	if (unlikely(word == 0 || w->params.ports[iface->port].tx_queue == PST_NO_QUEUE))
		return false;
	fast_out_leave(w, out);
	out->hop = hop;
	out->iface = i;
	out->port = iface->port;
	out->mtu = iface->mtu;
	out->l2_len = FAST_L2 + (iface->vlan != 0 ? FAST_TAG : 0);
	for (int k = 0; k < RTE_ETHER_ADDR_LEN; k++)
		out->l2.dst.addr_bytes[k] = word >> (8 * k);
	out->l2.src = iface->mac;
	out->l2.tag[0] = iface->vlan != 0 ? RTE_BE16(RTE_ETHER_TYPE_VLAN) : 0;
	out->l2.tag[1] = rte_cpu_to_be_16(iface->vlan);
	out->tx = &w->tx[iface->port];
	return true;
}

static inline bool
fast_is_to(const struct fast_out *out, struct pst_hop hop)
{
	uint32_t a, b;

	memcpy(&a, &out->hop, sizeof(a));
	memcpy(&b, &hop, sizeof(b));
	return a == b;
}

static inline void
fast_send(struct pst_worker *w, struct fast_out *out, struct rte_mbuf *m)
{
	struct tx_buffer *tx = out->tx;

	out->count += FAST_PACKET + rte_pktmbuf_pkt_len(m);
	tx->packets[tx->n++] = m;
	if (unlikely(tx->n == PST_BURST))
		pst_worker_flush_port(w, out->port);
}

/* That an editor has its handle does not matter here: only a SYN may begin it anew. */
#define FAST_UNCOMMON                                                                              \
	(PST_CONN_WATCHED | PST_CONN_OFFSET | PST_CONN_RECEIVE_ONLY | PST_CONN_DENIED |            \
		PST_CONN_ALIASED | PST_CONN_HAIRPIN)

static inline uint32_t
fast_tcp_len(const struct job *job)
{
	const struct rte_tcp_hdr *tcp = (const void *)(job->ip + 1);

	return job->ip_len - FAST_IP - (tcp->data_off >> 4) * 4;
}

static __rte_noinline bool
fast_learn(const struct job *job, struct pst_conn *c, enum pst_way way)
{
	const struct rte_tcp_hdr *tcp = (const void *)(job->ip + 1);

	return pst_tcp_window_learn(
		&c->window, &c->learnt, way, tcp, tcp->tcp_flags, fast_tcp_len(job));
}

/* A segment that the windows let through. */
static __rte_always_inline bool
fast_is_expected(const struct job *job, struct pst_conn *c, enum pst_way way)
{
	const struct rte_tcp_hdr *tcp = (const void *)(job->ip + 1);

	return likely(pst_tcp_window_next(
		       &c->window, way, tcp, tcp->tcp_flags, fast_tcp_len(job))) ||
		fast_learn(job, c, way);
}

/*
 * State and timer, as pst_nat_advance() has them. A packet of a connection that is past its
 * beginning and not at its end moves nothing, and refreshes whenever its way does.
 */
static __rte_always_inline void
fast_advance(struct pst_worker *w, const struct job *job, struct pst_conn *c, enum pst_way way,
	uint64_t now_ms)
{
	const uint8_t kind = RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_SYN_FLAG |
		RTE_TCP_FIN_FLAG;
	const struct rte_tcp_hdr *tcp = (const void *)(job->ip + 1);
	bool is_udp = job->ip->next_proto_id == IPPROTO_UDP;

	if (likely(is_udp ? c->state == PST_UDP_ASSURED :
			    c->state == PST_TCP_ESTABLISHED &&
				(tcp->tcp_flags & kind) == RTE_TCP_ACK_FLAG)) {
		if (way == PST_WAY_OUT || likely(!(c->flags & PST_CONN_OUT_REFRESHES)))
			c->last_ms = now_ms;
		return;
	}
	pst_nat_advance(w->nat, c - w->nat->conns.hot, way, is_udp ? 0 : tcp->tcp_flags, now_ms);
}

/* Do what pst_worker_forward() would; false when the packet is not common after all. */
static __rte_always_inline bool
fast_forward(struct pst_worker *w, struct fast_out *out, struct job *job, struct pst_conn *c,
	enum pst_way way, uint64_t now_ms)
{
	struct rte_ipv4_hdr *ip = job->ip;
	struct pst_hop hop = c->hop[way];

	if (unlikely(c->flags & FAST_UNCOMMON))
		return false;
	if (unlikely(!fast_is_to(out, hop)) && !fast_out_enter(w, out, hop))
		return false;
	if (unlikely(job->ip_len > out->mtu || ip->time_to_live <= 1))
		return false;
	/* room for a tag, though it may have one */
	if (unlikely(!fast_is_untagged(job, out)) && rte_pktmbuf_headroom(job->m) < FAST_TAG)
		return false;
	if (ip->next_proto_id != IPPROTO_UDP && unlikely(!fast_is_expected(job, c, way)))
		return false;
	fast_advance(w, job, c, way, now_ms);
	pst_conn_count(c, way, job->ip_len);
	if (way == PST_WAY_OUT && unlikely(ip->fragment_offset == 0) &&
		pst_key_ip(c->local[PST_WAY_IN]) != ip->src_addr)
		pst_worker_renumber(w, ip);
	fast_translate(ip, c, way);
	fast_set_l2(job, out);
	fast_send(w, out, job->m);
	return true;
}
