/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys, made in registers: two 64-bit words, never a struct in memory that
 * is written in small pieces and read in large ones.
 *
 * A connection is known by its remote end and its local end; the local end is the client's for
 * packets from inside, and ours for packets from outside, so the remote end is shared.
 * The zone is part of the key: inside and outside networks may overlap (RFC 4787 REQ-7).
 */
#pragma once

#include <rte_byteorder.h>

#include "nat/flowtable.h"
#include "pst_types.h"

/* Which way a packet goes through the box, whoever began the connection. */
enum pst_way {
	PST_WAY_OUT, /* it came from inside */
	PST_WAY_IN,  /* it came from outside */
	PST_WAYS,
};

static inline enum pst_way
pst_way_other(enum pst_way way)
{
	return (enum pst_way)!way;
}

static inline uint64_t
pst_key_end(rte_be32_t ip, rte_be16_t port, uint16_t low)
{
	return (uint64_t)ip << 32 | (uint64_t)port << 16 | low;
}

static inline rte_be32_t
pst_key_ip(uint64_t end)
{
	return end >> 32;
}

static inline rte_be16_t
pst_key_port(uint64_t end)
{
	return end >> 16;
}

static inline uint8_t
pst_key_low(uint64_t end)
{
	return end;
}

/* Of a connection: the remote end and its protocol; the local end and its way. */
static inline struct pst_flow_key
pst_key_conn(enum pst_way way, uint8_t proto, rte_be32_t local_ip, rte_be16_t local_port,
	rte_be32_t remote_ip, rte_be16_t remote_port)
{
	return (struct pst_flow_key){ pst_key_end(remote_ip, remote_port, proto),
		pst_key_end(local_ip, local_port, way) };
}

static inline struct pst_endpoint
pst_key_endpoint(uint64_t end)
{
	return (struct pst_endpoint){ rte_be_to_cpu_32(pst_key_ip(end)),
		rte_be_to_cpu_16(pst_key_port(end)) };
}

static inline uint64_t
pst_key_of_endpoint(const struct pst_endpoint *ep, uint16_t low)
{
	return pst_key_end(rte_cpu_to_be_32(ep->ip), rte_cpu_to_be_16(ep->port), low);
}
