/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steady state of new connections: as many end as begin, and most of those that there are
 * have nothing more to say.
 *
 * Connections are numbered as they begin; number n is flow n of a round that comes again and
 * again in one order, so a flow's last connection has ended when its next one begins. Time
 * goes by the numbers too: it moves on so much with each connection that begins that
 * pst_steady_live() of them fit into the timeout. So they do into the ports: an outside address has
 * 64,512, of which 62,464 are in use by as many flows of a round as a power of two holds (65,536).
 *
 * A UDP connection is one datagram. A TCP connection is seven segments both ways: SYN, SYN-ACK,
 * ACK, data, FIN, FIN, ACK; before each, hundreds of other connections have theirs. It ends a
 * closing timeout behind its last FIN.
 *
 * Owner: the lcore that polls both ports.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

#define PST_STEADY_FLOWS_MIN 16384
#define PST_STEADY_FLOWS_PER_ADDRESS 65536
#define PST_STEADY_UDP_S 300 /* timeouts: of a UDP connection, */
#define PST_STEADY_TCP_S 240 /* and of one of TCP that closes */
#define PST_STEADY_STAGES 7
#define PST_STEADY_UNDER_WAY 4096 /* more than there are with segments still to come */

/* How many are there. Flows are a power of two. */
static inline uint32_t
pst_steady_live(uint32_t flows)
{
	return flows / 64 * 61;
}

static inline uint32_t
pst_steady_timeout_s(bool tcp)
{
	return tcp ? PST_STEADY_TCP_S : PST_STEADY_UDP_S;
}

/* How many begin, and end, in a second. */
static inline uint32_t
pst_steady_rate(uint32_t flows, bool tcp)
{
	return pst_steady_live(flows) / pst_steady_timeout_s(tcp);
}

static inline uint32_t
pst_steady_packets(bool tcp)
{
	return tcp ? PST_STEADY_STAGES : 1;
}

/* The time when so many have begun. */
static inline uint64_t
pst_steady_ms(uint32_t flows, bool tcp, uint64_t begun)
{
	return begun * pst_steady_timeout_s(tcp) * 1000 / pst_steady_live(flows);
}

struct pst_steady {
	uint32_t stages;
	uint32_t gap; /* connections between two packets of one */
	uint64_t done[PST_STEADY_STAGES]; /* connections that have passed the stage */
};

/* One packet to make. */
struct pst_step {
	uint64_t number;
	enum pst_frame_part part;
};

void pst_steady_init(struct pst_steady *steady, uint32_t flows, bool tcp);

/*
 * The next packets that enter by a port, at most n, which is no more than 64; connections up to
 * number `most` begin. Returns how many.
 */
uint32_t pst_steady_next(struct pst_steady *steady, uint16_t port, uint32_t n, uint64_t most,
	struct pst_step *steps);
