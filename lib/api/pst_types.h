/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words the whole product shares: addresses, endpoints, directions.
 *
 * Addresses and ports are in host byte order here and everywhere above the
 * packet path; the packet path names network order in its types (rte_be32_t).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pst_proto {
	PST_ICMP = 1,
	PST_TCP = 6,
	PST_UDP = 17,
};

/* The direction of a connection's first packet, and its answer's. */
enum pst_dir {
	PST_DIR_ORIG,
	PST_DIR_REPLY,
	PST_DIRS,
};

static inline enum pst_dir
pst_dir_other(enum pst_dir dir)
{
	return dir == PST_DIR_ORIG ? PST_DIR_REPLY : PST_DIR_ORIG;
}

/* An IPv4 address and a port; all zero means "not known yet" (R5). */
struct pst_endpoint {
	uint32_t ip;
	uint16_t port;
};

static inline bool
pst_endpoint_is_unset(const struct pst_endpoint *ep)
{
	return ep->ip == 0 && ep->port == 0;
}

static inline bool
pst_endpoint_is_equal(const struct pst_endpoint *a, const struct pst_endpoint *b)
{
	return a->ip == b->ip && a->port == b->port;
}

/* A protocol's identity, as RFC 9562 lays its sixteen bytes out. */
struct pst_guid {
	uint8_t bytes[16];
};
