/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of the bench: what flow f looks like on the wire, and whether it came out right.
 *
 * A plan says which client talks to which server in flow f, by arithmetic alone, so that
 * making a frame reads no per-flow memory. The flow's number is in the payload: it names the
 * flow whatever the program under test does to the addresses. 64 bytes on the wire are 60
 * in the mbuf; a longer frame is filled up with zeros, which no checksum sees.
 *
 * A TCP flow is opened by a SYN and the answer to it, and goes on with the same segment each
 * way again and again: the windows have to let a segment through that came before.
 */
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define PST_FRAME_MIN 60
#define PST_FRAME_MAGIC RTE_BE16(0x7073)

/* One frame of 60 bytes; the tail up to a cache line is scratch. */
struct pst_frame {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	union { /* ports are in the same place */
		struct rte_udp_hdr udp;
		struct rte_tcp_hdr tcp;
	};
	uint16_t magic;
	uint32_t flow; /* in the maker's byte order, nobody else reads it */
} __attribute__((packed, aligned(2)));

struct pst_endpoint4 {
	rte_be32_t addr;
	rte_be16_t port;
};

/* Who talks to whom. Counts are powers of two. */
struct pst_plan {
	uint32_t flows;
	uint32_t bits; /* log2(flows) */
	uint32_t per_client_bits; /* log2 of one client's flows */
	uint32_t servers;
	uint32_t client_net; /* lowest client and server, host byte order */
	uint32_t server_net;
	uint16_t server_port;
	uint16_t size; /* bytes in the mbuf */
	bool swapped; /* the program under test answers instead of forwarding */
};

/* What is the same in all frames of one port, with its share of the checksums. */
struct pst_frame_base {
	alignas(64) uint8_t line[64];
	uint32_t ip_sum;
	uint32_t l4_sum;
	bool tcp;
};

/* What a frame is to its flow. */
enum pst_frame_part {
	PST_FRAME_UDP,
	PST_FRAME_SYN,     /* of the client */
	PST_FRAME_SYN_ACK, /* the server's answer */
	PST_FRAME_TO_SERVER,
	PST_FRAME_TO_CLIENT,
};

enum pst_fault {
	PST_FAULT_NONE,
	PST_FAULT_LENGTH,
	PST_FAULT_IP_CSUM,
	PST_FAULT_L4_CSUM,
	PST_FAULT_ADDRESS,
	PST_FAULT_PORT,
	PST_FAULT_FLOW,
	PST_FAULTS
};

const char *pst_fault_name(enum pst_fault fault);

void pst_frame_base_init(struct pst_frame_base *base, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, uint16_t size, enum pst_frame_part part);

/* Check a frame of flow f that should say src -> dst, all bytes of it. */
enum pst_fault pst_frame_check(const struct pst_frame *frame, uint32_t len,
	const struct pst_plan *plan, const struct pst_endpoint4 *src,
	const struct pst_endpoint4 *dst);

/* An address in host byte order; RTE_IPV4 shifts into the sign bit. */
static inline uint32_t
pst_ipv4(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return a << 24 | b << 16 | c << 8 | d;
}

static inline struct pst_endpoint4
pst_plan_client(const struct pst_plan *plan, uint32_t flow)
{
	uint32_t port = 1024 + (flow & ((1u << plan->per_client_bits) - 1));

	return (struct pst_endpoint4){
		.addr = rte_cpu_to_be_32(plan->client_net + (flow >> plan->per_client_bits)),
		.port = rte_cpu_to_be_16(port),
	};
}

static inline struct pst_endpoint4
pst_plan_server(const struct pst_plan *plan, uint32_t flow)
{
	return (struct pst_endpoint4){
		.addr = rte_cpu_to_be_32(plan->server_net + (flow & (plan->servers - 1))),
		.port = rte_cpu_to_be_16(plan->server_port),
	};
}

/* The i-th flow of a round: a bijection on [0, flows), another one for each key. */
static inline uint32_t
pst_plan_shuffle(const struct pst_plan *plan, uint32_t i, uint32_t key)
{
	uint32_t mask = plan->flows - 1;
	uint32_t half = (plan->bits + 1) / 2;
	uint32_t x = (i + key) & mask;

	x ^= x >> half;
	x = (x * 0x9e3779b1u) & mask;
	x ^= x >> half;
	x = (x * 0x85ebca6bu + key) & mask;
	return x ^ (x >> half);
}

static inline uint16_t
pst_frame_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

/* Write a frame over a mbuf's data: 64 bytes are touched. */
static inline void
pst_frame_make(void *data, const struct pst_frame_base *base, uint32_t flow,
	struct pst_endpoint4 src, struct pst_endpoint4 dst)
{
	struct pst_frame *frame = data;
	uint32_t addrs, l4;

	addrs = (src.addr & 0xffff) + (src.addr >> 16) + (dst.addr & 0xffff) + (dst.addr >> 16);
	l4 = base->l4_sum + addrs + src.port + dst.port + (flow & 0xffff) + (flow >> 16);
	l4 = pst_frame_fold(l4);
	__builtin_memcpy(data, base->line, sizeof(base->line));
	frame->ip.hdr_checksum = pst_frame_fold(base->ip_sum + addrs);
	frame->ip.src_addr = src.addr;
	frame->ip.dst_addr = dst.addr;
	frame->udp.src_port = src.port;
	frame->udp.dst_port = dst.port;
	if (base->tcp)
		frame->tcp.cksum = l4;
	else
		frame->udp.dgram_cksum = l4 == 0 ? 0xffff : l4;
	frame->flow = flow;
}
