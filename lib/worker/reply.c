/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/reply.h"

#include <string.h>

#include "packet/csum.h"
#include "worker/neigh.h"

#define ERROR_MAX 576 /* RFC 1812 section 4.3.2.3: the whole IP packet */
#define TTL 64
#define MULTICAST 0xe0000000 /* 224.0.0.0 */

struct rte_arp_hdr *
pst_reply_arp_of(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	uint32_t len = sizeof(*eth);
	struct rte_arp_hdr *arp;

	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN))
		len += sizeof(struct rte_vlan_hdr);
	if (rte_pktmbuf_data_len(m) < len + sizeof(*arp))
		return NULL;
	arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, len);
	if (arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
		arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(rte_be32_t))
		return NULL;
	return arp;
}

/* Room for an Ethernet header, tagged if the interface is, and what follows. */
static void *
start_frame(struct rte_mbuf *m, const struct pst_iface *iface, const struct rte_ether_addr *to,
	uint16_t ether_type, uint32_t len)
{
	uint32_t l2_len = sizeof(struct rte_ether_hdr);
	struct rte_ether_hdr *eth;

	if (iface->vlan != 0)
		l2_len += sizeof(struct rte_vlan_hdr);
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, l2_len + len);
	rte_ether_addr_copy(to, &eth->dst_addr);
	rte_ether_addr_copy(&iface->mac, &eth->src_addr);
	eth->ether_type = rte_cpu_to_be_16(ether_type);
	if (iface->vlan != 0) {
		struct rte_vlan_hdr *vlan = (struct rte_vlan_hdr *)(eth + 1);

		eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
		vlan->vlan_tci = rte_cpu_to_be_16(iface->vlan);
		vlan->eth_proto = rte_cpu_to_be_16(ether_type);
	}
	m->port = iface->port;
	return (uint8_t *)eth + l2_len;
}

void
pst_reply_arp_request(struct rte_mbuf *m, const struct pst_iface *iface, rte_be32_t ip,
	const struct rte_ether_addr *to)
{
	static const struct rte_ether_addr everybody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct rte_arp_hdr *arp;

	arp = start_frame(m, iface, to != NULL ? to : &everybody, RTE_ETHER_TYPE_ARP, sizeof(*arp));
	memset(arp, 0, sizeof(*arp));
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(rte_be32_t);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
	rte_ether_addr_copy(&iface->mac, &arp->arp_data.arp_sha);
	arp->arp_data.arp_sip = iface->ip;
	arp->arp_data.arp_tip = ip;
}

void
pst_reply_arp_announce(struct rte_mbuf *m, const struct pst_iface *iface, rte_be32_t ip)
{
	pst_reply_arp_request(m, iface, ip, NULL);
	pst_reply_arp_of(m)->arp_data.arp_sip = ip;
}

/* Back to the sender, with the interface's tag: the one it came with may be in metadata. */
static void
turn_frame(struct rte_mbuf *m, void *payload, const struct pst_iface *iface, uint16_t ether_type)
{
	struct rte_ether_addr to = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr;

	pst_net_set_l2_type(m, payload, iface, &to, rte_cpu_to_be_16(ether_type));
}

void
pst_reply_arp(struct rte_mbuf *m, struct rte_arp_hdr *arp, const struct pst_iface *iface)
{
	rte_be32_t asked = arp->arp_data.arp_tip;

	turn_frame(m, arp, iface, RTE_ETHER_TYPE_ARP);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	rte_ether_addr_copy(&arp->arp_data.arp_sha, &arp->arp_data.arp_tha);
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	rte_ether_addr_copy(&iface->mac, &arp->arp_data.arp_sha);
	arp->arp_data.arp_sip = asked;
}

void
pst_reply_echo(struct rte_mbuf *m, const struct pst_view *v, const struct pst_iface *iface)
{
	struct rte_icmp_hdr *icmp = v->l4;
	rte_be16_t before, after;

	memcpy(&before, icmp, sizeof(before));
	icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	memcpy(&after, icmp, sizeof(after));
	icmp->icmp_cksum = pst_csum_apply(
		icmp->icmp_cksum, pst_csum_fold(pst_csum_change16(before, after)));
	v->ip->src_addr = v->dst;
	v->ip->dst_addr = v->src;
	v->ip->time_to_live = TTL;
	v->ip->hdr_checksum = 0;
	v->ip->hdr_checksum = ~rte_raw_cksum(v->ip, rte_ipv4_hdr_len(v->ip));
	turn_frame(m, v->ip, iface, RTE_ETHER_TYPE_IPV4);
}

bool
pst_reply_may_answer(const struct pst_view *v)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)v->l2;
	uint32_t src = rte_be_to_cpu_32(v->src);

	if (v->kind == PST_VIEW_ERROR || v->kind == PST_VIEW_LATER_FRAGMENT)
		return false;
	if (!rte_is_unicast_ether_addr(&eth->dst_addr))
		return false;
	return src != 0 && src >> 24 != 127 && src < MULTICAST;
}

static void
set_type(struct rte_icmp_hdr *icmp, enum pst_icmp_error error, uint16_t mtu)
{
	static const struct {
		uint8_t type, code;
	} types[] = {
		[PST_ICMP_NET_UNREACHABLE] = { 3, 0 },
		[PST_ICMP_HOST_UNREACHABLE] = { 3, 1 },
		[PST_ICMP_PORT_UNREACHABLE] = { 3, 3 },
		[PST_ICMP_PROHIBITED] = { 3, 13 },
		[PST_ICMP_TOO_BIG] = { 3, 4 },
		[PST_ICMP_TTL_EXCEEDED] = { 11, 0 },
	};

	memset(icmp, 0, sizeof(*icmp));
	icmp->icmp_type = types[error].type;
	icmp->icmp_code = types[error].code;
	if (error == PST_ICMP_TOO_BIG)
		icmp->icmp_seq_nb = rte_cpu_to_be_16(mtu);
}

void
pst_reply_error(struct rte_mbuf *m, const struct pst_view *v, const struct pst_iface *iface,
	enum pst_icmp_error error, uint16_t mtu)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)v->l2;
	uint32_t quoted = RTE_MIN((uint32_t)pst_view_ip_len(v),
		(uint32_t)(ERROR_MAX - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_icmp_hdr)));
	uint32_t icmp_len = sizeof(struct rte_icmp_hdr) + quoted;
	struct rte_icmp_hdr *icmp;
	struct rte_ipv4_hdr *ip;

	ip = start_frame(m, iface, &eth->src_addr, RTE_ETHER_TYPE_IPV4, sizeof(*ip) + icmp_len);
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = 0xc0; /* RFC 1812 section 4.3.2.5: internetwork control */
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + icmp_len);
	ip->time_to_live = TTL;
	ip->next_proto_id = IPPROTO_ICMP;
	ip->src_addr = iface->ip;
	ip->dst_addr = v->src;
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	icmp = (struct rte_icmp_hdr *)(ip + 1);
	set_type(icmp, error, mtu);
	memcpy(icmp + 1, v->ip, quoted);
	icmp->icmp_cksum = ~rte_raw_cksum(icmp, icmp_len);
}
