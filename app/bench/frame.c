/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static_assert(sizeof(struct pst_frame) == PST_FRAME_MIN, "60 bytes and the CRC make 64");

static const char *const fault_names[PST_FAULTS] = {
	[PST_FAULT_NONE] = "none",
	[PST_FAULT_LENGTH] = "length",
	[PST_FAULT_IP_CSUM] = "ip_checksum",
	[PST_FAULT_L4_CSUM] = "l4_checksum",
	[PST_FAULT_ADDRESS] = "address",
	[PST_FAULT_PORT] = "port",
	[PST_FAULT_FLOW] = "flow",
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

static void
set_tcp(struct rte_tcp_hdr *tcp, enum pst_frame_part part)
{
	bool of_client = part == PST_FRAME_SYN || part == PST_FRAME_TO_SERVER;
	bool is_first = part == PST_FRAME_SYN || part == PST_FRAME_SYN_ACK;
	uint32_t seq = of_client ? CLIENT_FIRST : SERVER_FIRST;
	uint32_t ack = of_client ? SERVER_FIRST : CLIENT_FIRST;

	tcp->sent_seq = rte_cpu_to_be_32(seq + !is_first);
	tcp->recv_ack = part == PST_FRAME_SYN ? 0 : rte_cpu_to_be_32(ack + 1);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->rx_win = RTE_BE16(0x8000);
	tcp->tcp_flags = (is_first ? RTE_TCP_SYN_FLAG : RTE_TCP_PSH_FLAG) |
		(part == PST_FRAME_SYN ? 0 : RTE_TCP_ACK_FLAG);
}

void
pst_frame_base_init(struct pst_frame_base *base, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, uint16_t size, enum pst_frame_part part)
{
	struct pst_frame *frame = (struct pst_frame *)base->line;
	uint16_t ip_len = size - sizeof(frame->eth);
	uint16_t l4_len = ip_len - sizeof(frame->ip);

	memset(base, 0, sizeof(*base));
	frame->eth.src_addr = *src;
	frame->eth.dst_addr = *dst;
	frame->eth.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	frame->ip.version_ihl = RTE_IPV4_VHL_DEF;
	frame->ip.total_length = rte_cpu_to_be_16(ip_len);
	frame->ip.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	frame->ip.time_to_live = 64;
	base->tcp = part != PST_FRAME_UDP;
	frame->ip.next_proto_id = base->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	if (base->tcp)
		set_tcp(&frame->tcp, part);
	else
		frame->udp.dgram_len = rte_cpu_to_be_16(l4_len);
	frame->magic = PST_FRAME_MAGIC;
	base->ip_sum = sum_words(&frame->ip, sizeof(frame->ip));
	base->l4_sum = sum_words(&frame->udp, sizeof(*frame) - offsetof(struct pst_frame, udp));
	base->l4_sum += rte_cpu_to_be_16(frame->ip.next_proto_id) + rte_cpu_to_be_16(l4_len);
}

enum pst_fault
pst_frame_check(const struct pst_frame *frame, uint32_t len, const struct pst_plan *plan,
	const struct pst_endpoint4 *src, const struct pst_endpoint4 *dst)
{
	if (len != plan->size || frame->ip.version_ihl != RTE_IPV4_VHL_DEF ||
		frame->ip.total_length != rte_cpu_to_be_16(len - sizeof(frame->eth)))
		return PST_FAULT_LENGTH;
	if (rte_raw_cksum(&frame->ip, sizeof(frame->ip)) != 0xffff)
		return PST_FAULT_IP_CSUM;
	if (rte_ipv4_udptcp_cksum_verify(&frame->ip, &frame->udp) != 0)
		return PST_FAULT_L4_CSUM;
	if (frame->ip.src_addr != src->addr || frame->ip.dst_addr != dst->addr)
		return PST_FAULT_ADDRESS;
	if (frame->udp.src_port != src->port || frame->udp.dst_port != dst->port)
		return PST_FAULT_PORT;
	return PST_FAULT_NONE;
}
