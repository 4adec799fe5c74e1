/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/view.h"

#include <rte_prefetch.h>

#define VLAN_ID_MASK 0x0fff
#define QUOTED_MIN 8 /* bytes of L4 that an error quotes at least (RFC 792) */

static void
bad(struct pst_view *v, enum pst_drop drop)
{
	v->kind = PST_VIEW_BAD;
	v->drop = drop;
}

static void
parse_tcp(struct pst_view *v)
{
	const struct rte_tcp_hdr *tcp = v->l4;
	unsigned int hlen;

	if (unlikely(v->l4_len < sizeof(*tcp))) {
		bad(v, PST_DROP_L4_HEADER);
		return;
	}
	hlen = (tcp->data_off >> 4) * 4;
	if (unlikely(hlen < sizeof(*tcp) || hlen > v->l4_len)) {
		bad(v, PST_DROP_L4_HEADER);
		return;
	}
	v->sport = tcp->src_port;
	v->dport = tcp->dst_port;
	v->tcp_flags = tcp->tcp_flags;
	v->kind = PST_VIEW_L4;
}

/* part: a first fragment, which has less than its datagram's length says */
static void
parse_udp(struct pst_view *v, bool part)
{
	const struct rte_udp_hdr *udp = v->l4;
	unsigned int len;

	if (unlikely(v->l4_len < sizeof(*udp))) {
		bad(v, PST_DROP_L4_HEADER);
		return;
	}
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (unlikely(len < sizeof(*udp) || (len > v->l4_len && !part))) {
		bad(v, PST_DROP_L4_HEADER);
		return;
	}
	v->sport = udp->src_port;
	v->dport = udp->dst_port;
	v->kind = PST_VIEW_L4;
}

static void
parse_icmp(struct pst_view *v)
{
	const struct rte_icmp_hdr *icmp = v->l4;

	if (unlikely(v->l4_len < sizeof(*icmp))) {
		bad(v, PST_DROP_L4_HEADER);
		return;
	}
	switch (icmp->icmp_type) {
	case RTE_IP_ICMP_ECHO_REQUEST:
	case RTE_IP_ICMP_ECHO_REPLY:
		v->sport = icmp->icmp_ident;
		v->dport = icmp->icmp_ident;
		v->kind = PST_VIEW_L4;
		break;
	case 3:  /* destination unreachable */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		v->kind = PST_VIEW_ERROR;
		break;
	default:
		v->kind = PST_VIEW_OTHER;
	}
}

static void
parse_l4(struct pst_view *v, bool part)
{
	switch (v->proto) {
	case IPPROTO_TCP:
		parse_tcp(v);
		break;
	case IPPROTO_UDP:
		parse_udp(v, part);
		break;
	case IPPROTO_ICMP:
		parse_icmp(v);
		break;
	default:
		v->kind = PST_VIEW_PORTLESS;
	}
}

static void
parse_ip(struct pst_view *v, uint32_t room)
{
	struct rte_ipv4_hdr *ip = v->ip;
	unsigned int hlen, total;
	uint16_t frag;

	if (unlikely(room < sizeof(*ip))) {
		bad(v, PST_DROP_TRUNCATED);
		return;
	}
	hlen = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely((ip->version_ihl >> 4) != 4 || hlen < sizeof(*ip) || total < hlen)) {
		bad(v, PST_DROP_IP_HEADER);
		return;
	}
	if (unlikely(total > room)) {
		bad(v, PST_DROP_TRUNCATED);
		return;
	}
	v->src = ip->src_addr;
	v->dst = ip->dst_addr;
	v->proto = ip->next_proto_id;
	v->l4 = (uint8_t *)ip + hlen;
	v->l4_len = total - hlen;
	frag = rte_be_to_cpu_16(ip->fragment_offset);
	if (unlikely((frag & RTE_IPV4_HDR_OFFSET_MASK) != 0)) {
		v->kind = PST_VIEW_LATER_FRAGMENT;
		return;
	}
	parse_l4(v, frag & RTE_IPV4_HDR_MF_FLAG);
	if (unlikely((frag & RTE_IPV4_HDR_MF_FLAG) != 0 &&
		    (v->kind == PST_VIEW_L4 || v->kind == PST_VIEW_PORTLESS)))
		v->kind = PST_VIEW_FIRST_FRAGMENT;
}

void
pst_view_parse(struct pst_view *v, struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_data_len(m), l2_len = sizeof(struct rte_ether_hdr);
	const struct rte_ether_hdr *eth;
	rte_be16_t type;

	v->l2 = rte_pktmbuf_mtod(m, uint8_t *);
	v->vlan = 0;
	v->tcp_flags = 0;
	v->sport = v->dport = 0;
	if (unlikely(m->nb_segs > 1 || len < l2_len)) {
		bad(v, PST_DROP_TRUNCATED);
		return;
	}
	eth = (const struct rte_ether_hdr *)v->l2;
	type = eth->ether_type;
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		v->vlan = m->vlan_tci & VLAN_ID_MASK;
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		const struct rte_vlan_hdr *vh = (const void *)(eth + 1);

		l2_len += sizeof(*vh);
		if (unlikely(len < l2_len)) {
			bad(v, PST_DROP_TRUNCATED);
			return;
		}
		v->vlan = rte_be_to_cpu_16(vh->vlan_tci) & VLAN_ID_MASK;
		type = vh->eth_proto;
	}
	v->ip = (struct rte_ipv4_hdr *)(v->l2 + l2_len);
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		parse_ip(v, len - l2_len);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		v->kind = PST_VIEW_ARP;
	else
		bad(v, type == RTE_BE16(RTE_ETHER_TYPE_IPV6) ? PST_DROP_IPV6 : PST_DROP_ETHERTYPE);
}

/* What the quoted L4 header, of which 8 bytes must be there, says; false: not translated. */
static bool
quote_l4(struct pst_quote *q)
{
	const struct rte_udp_hdr *udp = q->l4; /* TCP has its ports there too */
	const struct rte_icmp_hdr *icmp = q->l4;

	if (q->l4_len < QUOTED_MIN)
		return false;
	switch (q->ip->next_proto_id) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		q->sport = udp->src_port;
		q->dport = udp->dst_port;
		return true;
	case IPPROTO_ICMP:
		q->sport = q->dport = icmp->icmp_ident;
		return icmp->icmp_type == RTE_IP_ICMP_ECHO_REQUEST ||
			icmp->icmp_type == RTE_IP_ICMP_ECHO_REPLY;
	default:
		q->sport = q->dport = 0;
		return true;
	}
}

bool
pst_view_quote(const struct pst_view *v, struct pst_quote *q)
{
	uint32_t room = v->l4_len - sizeof(struct rte_icmp_hdr), hlen;

	q->ip = (struct rte_ipv4_hdr *)((uint8_t *)v->l4 + sizeof(struct rte_icmp_hdr));
	if (room < sizeof(*q->ip) || q->ip->version_ihl >> 4 != 4)
		return false;
	hlen = rte_ipv4_hdr_len(q->ip);
	if (hlen < sizeof(*q->ip) || hlen > room || rte_raw_cksum(q->ip, hlen) != 0xffff)
		return false;
	if (q->ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	q->src = q->ip->src_addr;
	q->dst = q->ip->dst_addr;
	q->proto = q->ip->next_proto_id;
	q->l4 = (uint8_t *)q->ip + hlen;
	q->l4_len = room - hlen;
	return quote_l4(q);
}

bool
pst_view_ip_csum_ok(const struct pst_view *v)
{
	return rte_raw_cksum(v->ip, rte_ipv4_hdr_len(v->ip)) == 0xffff;
}

/* Over the L4 header and data, with the pseudo-header where there is one. */
static uint16_t
l4_sum(const struct pst_view *v)
{
	uint32_t sum = __rte_raw_cksum(v->l4, v->l4_len, 0);

	if (v->proto != IPPROTO_ICMP) {
		struct {
			rte_be32_t src, dst;
			uint8_t zero, proto;
			rte_be16_t len;
		} pseudo = { v->src, v->dst, 0, v->proto, rte_cpu_to_be_16(v->l4_len) };

		sum = __rte_raw_cksum(&pseudo, sizeof(pseudo), sum);
	}
	return __rte_raw_cksum_reduce(sum);
}

static rte_be16_t *
csum_field(const struct pst_view *v)
{
	switch (v->proto) {
	case IPPROTO_TCP:
		return &((struct rte_tcp_hdr *)v->l4)->cksum;
	case IPPROTO_UDP:
		return &((struct rte_udp_hdr *)v->l4)->dgram_cksum;
	default:
		return &((struct rte_icmp_hdr *)v->l4)->icmp_cksum;
	}
}

bool
pst_view_l4_csum_ok(const struct pst_view *v)
{
	if (v->proto == IPPROTO_UDP && *csum_field(v) == 0)
		return true;
	return l4_sum(v) == 0xffff;
}

void
pst_view_l4_csum_fill(const struct pst_view *v)
{
	rte_be16_t *field = csum_field(v);
	uint16_t sum;

	*field = 0;
	sum = ~l4_sum(v);
	*field = v->proto == IPPROTO_UDP && sum == 0 ? 0xffff : sum;
}
