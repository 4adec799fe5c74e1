/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of the bench: what flow f looks like on the wire, and whether it came out right.
 *
 * A plan says which client talks to which server in flow f, by arithmetic alone, so that
 * making a frame reads no per-flow memory. The flow's number is in the payload: it names the
 * flow whatever the program under test does to the addresses. 64 bytes on the wire are 60
 * in the mbuf; a longer frame is filled up with zeros, which no checksum sees, and which lie in
 * the mbuf before: only a line is written. Where sizes are mixed, the magic says which one it is.
 *
 * A tagged frame has a VLAN tag between the MACs and the type; all that follows is as in others.
 *
 * A TCP flow is opened by a SYN and the answer to it, and goes on with the same segment each
 * way again and again: the windows have to let a segment through that came before. A FIN says so
 * once more.
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
#define PST_FRAME_MAX 1514
#define PST_FRAME_LINE 64 /* that much is written; the tail is zeros */
#define PST_FRAME_MAGIC 0x7370 /* and the number of its size */
#define PST_FRAME_SIZES 3
#define PST_FRAME_VLAN 5

/* One frame of 60 bytes, or what follows the first four of a tagged one. */
struct pst_frame {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	union { /* ports are in the same place */
		struct rte_udp_hdr udp;
		struct rte_tcp_hdr tcp;
	};
	/* in the maker's byte order, nobody else reads them */
	uint16_t magic;
	uint32_t flow;
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
	uint16_t sizes[PST_FRAME_SIZES]; /* bytes in the mbuf, without a tag; the smallest first */
	uint32_t n_sizes;
	bool tagged[2]; /* by port: what comes in there has a tag */
	bool swapped; /* the program under test answers instead of forwarding */
	bool bridged; /* and leaves tags as they are */
};

/* What is the same in all frames of one port, with its share of the checksums. */
struct pst_frame_base {
	alignas(64) uint8_t line[PST_FRAME_LINE];
	uint32_t ip_sum;
	uint32_t l4_sum;
	uint16_t len; /* in the mbuf, with the tag */
	uint8_t tag_len;
	bool tcp;
};

/* What a frame is to its flow. */
enum pst_frame_part {
	PST_FRAME_UDP,
	PST_FRAME_SYN,     /* of the client */
	PST_FRAME_SYN_ACK, /* the server's answer */
	PST_FRAME_TO_SERVER,
	PST_FRAME_TO_CLIENT,
	PST_FRAME_ACK, /* of the client, as is the first FIN */
	PST_FRAME_FIN,
	PST_FRAME_FIN_BACK,
	PST_FRAME_PARTS
};

struct pst_frame_shape {
	enum pst_frame_part part;
	uint16_t size; /* without the tag */
	uint8_t number; /* of the size */
	bool tagged;
};

enum pst_fault {
	PST_FAULT_NONE,
	PST_FAULT_ETHER, /* the tag, or the type */
	PST_FAULT_LENGTH,
	PST_FAULT_IP_CSUM,
	PST_FAULT_L4_CSUM,
	PST_FAULT_ADDRESS,
	PST_FAULT_PORT,
	PST_FAULT_FLOW,
	PST_FAULT_TAIL,
	PST_FAULTS
};

const char *pst_fault_name(enum pst_fault fault);

/* Write the Ethernet header; returns what follows it. */
void *pst_frame_put_ether(uint8_t *data, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, uint16_t type, bool tagged);

void pst_frame_base_init(struct pst_frame_base *base, const struct rte_ether_addr *src,
	const struct rte_ether_addr *dst, const struct pst_frame_shape *shape);

/*
 * Check a frame of len bytes that should say src -> dst, all of it behind the MACs but for the
 * tail, of which is known what it adds to a checksum: nothing.
 */
enum pst_fault pst_frame_check(const uint8_t *data, uint32_t len, bool tagged,
	const struct pst_plan *plan, const struct pst_endpoint4 *src,
	const struct pst_endpoint4 *dst);

/* Check that the tail is zeros: of a long frame two dozen lines, and they are cold. */
enum pst_fault pst_frame_check_tail(const uint8_t *data, uint32_t len, bool tagged);

static inline uint32_t
pst_frame_tag_len(bool tagged)
{
	return tagged ? sizeof(struct rte_vlan_hdr) : 0;
}

static inline const struct pst_frame *
pst_frame_at(const uint8_t *data, bool tagged)
{
	return (const struct pst_frame *)(data + pst_frame_tag_len(tagged));
}

/* The number of a frame's size; PST_FRAME_SIZES or more: it is none of the maker's. */
static inline uint32_t
pst_frame_number(const struct pst_frame *frame)
{
	return (uint16_t)(frame->magic - PST_FRAME_MAGIC);
}

/* Does the program under test have to tag what it sends on this port? */
static inline bool
pst_plan_sends_tagged(const struct pst_plan *plan, uint16_t port)
{
	return plan->tagged[plan->bridged ? !port : port];
}

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

/* The number of the next frame's size, of 12 such: 7 of the first, 4 of the second, 1. */
static inline uint32_t
pst_plan_draw(const struct pst_plan *plan, uint32_t *random)
{
	uint32_t of12;

	if (plan->n_sizes == 1)
		return 0;
	*random = *random * 1664525u + 1013904223u;
	of12 = (*random >> 16) * 12 >> 16;
	return (of12 >= 7) + (of12 >= 11);
}

/* Write a frame over a mbuf's data: a line is touched. */
static inline void
pst_frame_make(uint8_t *data, const struct pst_frame_base *base, uint32_t flow,
	struct pst_endpoint4 src, struct pst_endpoint4 dst)
{
	struct pst_frame *frame = (struct pst_frame *)(data + base->tag_len);
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
