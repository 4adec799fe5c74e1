/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static_assert(sizeof(struct pst_frame) == PST_FRAME_MIN, "60 bytes and the CRC make 64");

static const char *const fault_names[PST_FAULTS] = {
	[PST_FAULT_NONE] = "none",
	[PST_FAULT_ETHER] = "ethernet",
	[PST_FAULT_LENGTH] = "length",
	[PST_FAULT_IP_CSUM] = "ip_checksum",
	[PST_FAULT_L4_CSUM] = "l4_checksum",
	[PST_FAULT_ADDRESS] = "address",
	[PST_FAULT_PORT] = "port",
	[PST_FAULT_FLOW] = "flow",
	[PST_FAULT_TAIL] = "tail",
};

const char *
pst_fault_name(enum pst_fault fault)
{
	return fault_names[fault];
}

/* The sum of native 16-bit words; one's complement arithmetic does not mind their order. */
static uint32_t
sum_words(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t sum = 0;
	uint16_t word;

	for (; len >= 2; at += 2, len -= 2) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	return sum;
}

#define CLIENT_FIRST 1000 /* the numbers of the SYNs */
#define SERVER_FIRST 5000

static const uint8_t part_flags[PST_FRAME_PARTS] = {
	[PST_FRAME_SYN] = RTE_TCP_SYN_FLAG,
	[PST_FRAME_SYN_ACK] = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
	[PST_FRAME_TO_SERVER] = RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG,
	[PST_FRAME_TO_CLIENT] = RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG,
	[PST_FRAME_ACK] = RTE_TCP_ACK_FLAG,
	[PST_FRAME_FIN] = RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG,
	[PST_FRAME_FIN_BACK] = RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG,
};

static void
set_tcp(struct rte_tcp_hdr *tcp, enum pst_frame_part part)
{
	bool of_client = part != PST_FRAME_SYN_ACK && part != PST_FRAME_TO_CLIENT &&
		part != PST_FRAME_FIN_BACK;
	bool is_first = (part_flags[part] & RTE_TCP_SYN_FLAG) != 0;
	uint32_t seq = of_client ? CLIENT_FIRST : SERVER_FIRST;
	uint32_t ack = of_client ? SERVER_FIRST : CLIENT_FIRST;

	tcp->sent_seq = rte_cpu_to_be_32(seq + !is_first);
	tcp->recv_ack = part == PST_FRAME_SYN ? 0 : rte_cpu_to_be_32(ack + 1);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->rx_win = RTE_BE16(0x8000);
	tcp->tcp_flags = part_flags[part];
}

void *
pst_frame_put_ether(uint8_t *data, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, uint16_t type, bool tagged)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)data;
	struct rte_vlan_hdr *vlan = (struct rte_vlan_hdr *)(eth + 1);

	eth->src_addr = *src;
	eth->dst_addr = *dst;
	eth->ether_type = rte_cpu_to_be_16(tagged ? RTE_ETHER_TYPE_VLAN : type);
	if (!tagged)
		return eth + 1;
	vlan->vlan_tci = RTE_BE16(PST_FRAME_VLAN);
	vlan->eth_proto = rte_cpu_to_be_16(type);
	return vlan + 1;
}

static void
set_ip(struct rte_ipv4_hdr *ip, uint16_t len, uint8_t protocol)
{
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(len);
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = 64;
	ip->next_proto_id = protocol;
}

void
pst_frame_base_init(struct pst_frame_base *base, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, const struct pst_frame_shape *shape)
{
	uint32_t tag_len = pst_frame_tag_len(shape->tagged);
	struct pst_frame *frame = (struct pst_frame *)(base->line + tag_len);
	uint16_t ip_len = shape->size - sizeof(frame->eth);
	uint16_t l4_len = ip_len - sizeof(frame->ip);

	memset(base, 0, sizeof(*base));
	base->len = shape->size + tag_len;
	base->tag_len = tag_len;
	base->tcp = shape->part != PST_FRAME_UDP;
	pst_frame_put_ether(base->line, src, dst, RTE_ETHER_TYPE_IPV4, shape->tagged);
	set_ip(&frame->ip, ip_len, base->tcp ? IPPROTO_TCP : IPPROTO_UDP);
	if (base->tcp)
		set_tcp(&frame->tcp, shape->part);
	else
		frame->udp.dgram_len = rte_cpu_to_be_16(l4_len);
	frame->magic = PST_FRAME_MAGIC + shape->number;
	base->ip_sum = sum_words(&frame->ip, sizeof(frame->ip));
	base->l4_sum = sum_words(&frame->udp, sizeof(*frame) - offsetof(struct pst_frame, udp));
	base->l4_sum += rte_cpu_to_be_16(frame->ip.next_proto_id) + rte_cpu_to_be_16(l4_len);
}

static bool
is_ether_right(const uint8_t *data, bool tagged)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)data;
	const struct rte_vlan_hdr *vlan = (const struct rte_vlan_hdr *)(eth + 1);

	if (!tagged)
		return eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN) &&
		vlan->vlan_tci == RTE_BE16(PST_FRAME_VLAN) &&
		vlan->eth_proto == RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

static bool
is_length_right(const struct pst_frame *frame, uint32_t len, const struct pst_plan *plan)
{
	uint32_t number = pst_frame_number(frame);

	return number < plan->n_sizes && len == plan->sizes[number] &&
		frame->ip.version_ihl == RTE_IPV4_VHL_DEF &&
		frame->ip.total_length == rte_cpu_to_be_16(len - sizeof(frame->eth));
}

/* Does the checksum fit the 60 bytes, with zeros behind? */
static bool
is_l4_right(const struct pst_frame *frame)
{
	uint32_t sum = sum_words(&frame->udp, sizeof(*frame) - offsetof(struct pst_frame, udp));

	return pst_frame_fold(sum + rte_ipv4_phdr_cksum(&frame->ip, 0)) == 0;
}

enum pst_fault
pst_frame_check(const uint8_t *data, uint32_t len, bool tagged, const struct pst_plan *plan,
	const struct pst_endpoint4 *src, const struct pst_endpoint4 *dst)
{
	const struct pst_frame *frame = pst_frame_at(data, tagged);

	if (!is_ether_right(data, tagged))
		return PST_FAULT_ETHER;
	if (!is_length_right(frame, len - pst_frame_tag_len(tagged), plan))
		return PST_FAULT_LENGTH;
	if (rte_raw_cksum(&frame->ip, sizeof(frame->ip)) != 0xffff)
		return PST_FAULT_IP_CSUM;
	if (!is_l4_right(frame))
		return PST_FAULT_L4_CSUM;
	if (frame->ip.src_addr != src->addr || frame->ip.dst_addr != dst->addr)
		return PST_FAULT_ADDRESS;
	if (frame->udp.src_port != src->port || frame->udp.dst_port != dst->port)
		return PST_FAULT_PORT;
	return PST_FAULT_NONE;
}

enum pst_fault
pst_frame_check_tail(const uint8_t *data, uint32_t len, bool tagged)
{
	for (uint32_t i = PST_FRAME_MIN + pst_frame_tag_len(tagged); i < len; i++)
		if (data[i] != 0)
			return PST_FAULT_TAIL;
	return PST_FAULT_NONE;
}
