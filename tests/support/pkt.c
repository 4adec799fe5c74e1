/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "pkt.h"

/* Room at the end; a test's packets always have it. */
static void *
append(struct rte_mbuf *m, uint32_t len)
{
	void *at = rte_pktmbuf_append(m, len);

	if (at == NULL)
		abort();
	return at;
}

static void *
put_l2(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_ether_hdr *eth = append(m, sizeof(*eth));

	eth->src_addr = p->src_mac;
	eth->dst_addr = p->dst_mac;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	if (p->vlan != 0) {
		struct rte_vlan_hdr *vlan = append(m, sizeof(*vlan));

		eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
		vlan->vlan_tci = rte_cpu_to_be_16(p->vlan);
		vlan->eth_proto = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	}
	return eth;
}

static struct rte_ipv4_hdr *
put_ip(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_ipv4_hdr *ip = append(m, sizeof(*ip));

	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->packet_id = rte_cpu_to_be_16(p->id);
	ip->time_to_live = p->ttl != 0 ? p->ttl : 64;
	ip->next_proto_id = p->proto;
	ip->fragment_offset =
		rte_cpu_to_be_16(p->fragment | (p->df ? RTE_IPV4_HDR_DF_FLAG : 0));
	ip->src_addr = rte_cpu_to_be_32(p->src);
	ip->dst_addr = rte_cpu_to_be_32(p->dst);
	return ip;
}

static void
put_tcp(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_tcp_hdr *tcp = append(m, sizeof(*tcp) + p->options_len);

	memset(tcp, 0, sizeof(*tcp));
	tcp->src_port = rte_cpu_to_be_16(p->sport);
	tcp->dst_port = rte_cpu_to_be_16(p->dport);
	tcp->sent_seq = rte_cpu_to_be_32(p->seq);
	tcp->recv_ack = rte_cpu_to_be_32(p->ack);
	tcp->data_off = (sizeof(*tcp) + p->options_len) / 4 << 4;
	tcp->tcp_flags = p->tcp_flags;
	tcp->rx_win = rte_cpu_to_be_16(p->window != 0 ? p->window : 65535);
	memcpy(tcp + 1, p->options, p->options_len);
}

static void
put_udp(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_udp_hdr *udp = append(m, sizeof(*udp));

	udp->src_port = rte_cpu_to_be_16(p->sport);
	udp->dst_port = rte_cpu_to_be_16(p->dport);
	udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp) + p->len);
	udp->dgram_cksum = 0;
}

static void
put_icmp(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_icmp_hdr *icmp = append(m, sizeof(*icmp));

	memset(icmp, 0, sizeof(*icmp));
	icmp->icmp_type = p->icmp_type;
	icmp->icmp_code = p->icmp_code;
	icmp->icmp_ident = rte_cpu_to_be_16(p->sport);
	icmp->icmp_seq_nb = rte_cpu_to_be_16(p->mtu);
}

/* The whole frame, into an empty mbuf. */
static void
fill(struct rte_mbuf *m, const struct pkt *p)
{
	struct rte_ipv4_hdr *ip;
	struct pst_view v;

	put_l2(m, p);
	ip = put_ip(m, p);
	if (p->proto == IPPROTO_TCP)
		put_tcp(m, p);
	else if (p->proto == IPPROTO_UDP)
		put_udp(m, p);
	else if (p->proto == IPPROTO_ICMP)
		put_icmp(m, p);
	if (p->len > 0)
		memcpy(append(m, p->len), p->data, p->len);
	ip->total_length = rte_cpu_to_be_16(
		rte_pktmbuf_mtod(m, uint8_t *) + rte_pktmbuf_data_len(m) - (uint8_t *)ip);
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	pst_view_parse(&v, m);
	if (!pst_view_is_portless(p->proto))
		pst_view_l4_csum_fill(&v);
}

struct rte_mbuf *
pkt_build(struct rte_mempool *pool, const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m != NULL)
		fill(m, p);
	return m;
}

static void
read_tcp(const struct pst_view *v, struct pkt *p)
{
	const struct rte_tcp_hdr *tcp = v->l4;
	uint32_t hlen = (tcp->data_off >> 4) * 4;

	p->tcp_flags = tcp->tcp_flags;
	p->seq = rte_be_to_cpu_32(tcp->sent_seq);
	p->ack = rte_be_to_cpu_32(tcp->recv_ack);
	p->window = rte_be_to_cpu_16(tcp->rx_win);
	p->options_len = hlen - sizeof(*tcp);
	memcpy(p->options, tcp + 1, p->options_len);
	p->data = (const uint8_t *)tcp + hlen;
	p->len = v->l4_len - hlen;
}

bool
pkt_read(struct rte_mbuf *m, struct pkt *p)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct pst_view v;

	memset(p, 0, sizeof(*p));
	pst_view_parse(&v, m);
	if ((v.kind > PST_VIEW_ERROR && v.kind != PST_VIEW_PORTLESS) || !pst_view_ip_csum_ok(&v) ||
		(!pst_view_is_portless(v.proto) && !pst_view_l4_csum_ok(&v)))
		return false;
	p->src_mac = eth->src_addr;
	p->dst_mac = eth->dst_addr;
	p->vlan = v.vlan;
	p->src = rte_be_to_cpu_32(v.src);
	p->dst = rte_be_to_cpu_32(v.dst);
	p->sport = rte_be_to_cpu_16(v.sport);
	p->dport = rte_be_to_cpu_16(v.dport);
	p->proto = v.proto;
	p->ttl = v.ip->time_to_live;
	p->id = rte_be_to_cpu_16(v.ip->packet_id);
	p->df = (v.ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0;
	if (v.proto == IPPROTO_TCP) {
		read_tcp(&v, p);
	} else if (v.proto == IPPROTO_UDP) {
		p->data = (const uint8_t *)v.l4 + sizeof(struct rte_udp_hdr);
		p->len = v.l4_len - sizeof(struct rte_udp_hdr);
	} else if (v.kind == PST_VIEW_PORTLESS) {
		p->data = v.l4;
		p->len = v.l4_len;
	} else {
		const struct rte_icmp_hdr *icmp = v.l4;

		p->icmp_type = icmp->icmp_type;
		p->icmp_code = icmp->icmp_code;
		p->mtu = rte_be_to_cpu_16(icmp->icmp_seq_nb);
		p->data = icmp + 1;
		p->len = v.l4_len - sizeof(*icmp);
	}
	return true;
}

struct pkt
pkt_udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	return (struct pkt){ .proto = IPPROTO_UDP, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .data = "hello", .len = 5 };
}

struct pkt
pkt_tcp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t flags)
{
	return (struct pkt){ .proto = IPPROTO_TCP, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .tcp_flags = flags, .seq = flags & RTE_TCP_SYN_FLAG ? 1000 : 1001,
		.ack = flags & RTE_TCP_ACK_FLAG ? 1001 : 0 };
}

struct pkt
pkt_echo(uint32_t src, uint32_t dst, uint16_t id, uint8_t type)
{
	return (struct pkt){ .proto = IPPROTO_ICMP, .src = src, .dst = dst, .sport = id,
		.icmp_type = type, .data = "ping", .len = 4 };
}

struct pkt
pkt_answer(const struct pkt *p)
{
	struct pkt a = *p;

	a.src = p->dst;
	a.sport = p->proto == IPPROTO_ICMP ? p->sport : p->dport;
	a.dst = p->src;
	a.dport = p->sport;
	a.ttl = 0;
	a.data = "answer";
	a.len = 6;
	if (p->proto == IPPROTO_ICMP)
		a.icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	return a;
}

/* The bytes of p behind its link-layer header, computed as pkt_build() does. */
static uint32_t
ip_bytes(const struct pkt *p, uint8_t *room, uint32_t most)
{
	uint8_t frame[RTE_MBUF_DEFAULT_DATAROOM];
	struct rte_mbuf m = { .buf_addr = frame, .buf_len = sizeof(frame), .nb_segs = 1,
		.data_off = 0 };
	struct pkt plain = *p;
	uint32_t len;

	plain.vlan = 0;
	fill(&m, &plain);
	len = RTE_MIN(rte_pktmbuf_data_len(&m) - (uint32_t)sizeof(struct rte_ether_hdr), most);
	memcpy(room, frame + sizeof(struct rte_ether_hdr), len);
	return len;
}

struct pkt
pkt_error(uint32_t from, uint8_t type, uint8_t code, const struct pkt *p, uint32_t most,
	uint8_t room[PKT_QUOTE_MAX])
{
	uint32_t len = ip_bytes(p, room, RTE_MIN(most, (uint32_t)PKT_QUOTE_MAX));

	return (struct pkt){ .proto = IPPROTO_ICMP, .src = from, .dst = p->src,
		.icmp_type = type, .icmp_code = code, .data = room, .len = len };
}

/* Over a pseudo-header and all of the quoted L4; where that is cut nothing can be said. */
static bool
quoted_csum_ok(const struct rte_ipv4_hdr *ip, const uint8_t *l4, uint32_t len)
{
	uint32_t whole = rte_be_to_cpu_16(ip->total_length) - rte_ipv4_hdr_len(ip);
	struct pst_view v = { .ip = (struct rte_ipv4_hdr *)(uintptr_t)ip,
		.l4 = (uint8_t *)(uintptr_t)l4, .l4_len = len, .proto = ip->next_proto_id,
		.src = ip->src_addr, .dst = ip->dst_addr };

	return len < whole || pst_view_is_portless(v.proto) || pst_view_l4_csum_ok(&v);
}

bool
pkt_read_quote(struct rte_mbuf *m, struct pkt *p)
{
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *udp;
	const struct rte_tcp_hdr *tcp;
	struct pst_view v;
	uint32_t room;

	memset(p, 0, sizeof(*p));
	pst_view_parse(&v, m);
	if (v.kind != PST_VIEW_ERROR || !pst_view_l4_csum_ok(&v))
		return false;
	ip = (const void *)((const uint8_t *)v.l4 + sizeof(struct rte_icmp_hdr));
	room = v.l4_len - sizeof(struct rte_icmp_hdr) - rte_ipv4_hdr_len(ip);
	udp = (const void *)((const uint8_t *)ip + rte_ipv4_hdr_len(ip));
	tcp = (const void *)udp;
	if (rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) != 0xffff ||
		!quoted_csum_ok(ip, (const uint8_t *)udp, room))
		return false;
	p->src = rte_be_to_cpu_32(ip->src_addr);
	p->dst = rte_be_to_cpu_32(ip->dst_addr);
	p->proto = ip->next_proto_id;
	p->ttl = ip->time_to_live;
	p->id = rte_be_to_cpu_16(ip->packet_id);
	p->sport = rte_be_to_cpu_16(udp->src_port);
	p->dport = rte_be_to_cpu_16(udp->dst_port);
	if (p->proto == IPPROTO_TCP)
		p->seq = rte_be_to_cpu_32(tcp->sent_seq);
	if (p->proto == IPPROTO_ICMP)
		p->sport = p->dport =
			rte_be_to_cpu_16(((const struct rte_icmp_hdr *)(const void *)udp)->icmp_ident);
	return true;
}
