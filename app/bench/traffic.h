/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traffic maker and checker: callbacks on the queues of two net_null ports.
 *
 * Port 0 is the inside, port 1 the outside. A receive callback writes frames over the mbufs
 * that net_null hands out; a transmit callback counts what comes back, learns the outside
 * endpoint of each flow and checks about one frame in 64, one in 1,024 to the last byte. The
 * maker is loaded with the EAL's -d, so one and the same object drives any program with two ports.
 *
 * A long frame costs the maker hardly more than a short one: the mbufs' tails are zeros, made so
 * before the first frame, and again where the program sent something of its own in one. (Reading
 * the tail of each frame that is checked made IMIX 3 ns dearer for postern, 1.5 for macswap.)
 *
 * The phases of a run: wait for the ports, greet (one flow, until ARP is through), learn
 * (all flows, in order), answer (those of TCP, from outside), warm (both directions,
 * shuffled), settle, measure, drain, done. In mode setup the tables are filled instead of learn,
 * answer and warm: connections begin, and end, as they do in the measurement (steady.h).
 *
 * Owner: a queue's state belongs to the lcore that polls it; the control thread moves the
 * phase on and only reads the rest. In mode setup there is one queue, and one lcore polls it on
 * both ports.
 */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "frame.h"
#include "meter.h"
#include "steady.h"

#define PST_TRAFFIC_PORTS 2
#define PST_TRAFFIC_QUEUES 16
#define PST_TRAFFIC_BURST 64

enum pst_phase {
	PST_PHASE_WAIT,
	PST_PHASE_GREET,
	PST_PHASE_LEARN,
	PST_PHASE_ANSWER,
	PST_PHASE_WARM,
	PST_PHASE_FILL,
	PST_PHASE_SETTLE,
	PST_PHASE_MEASURE,
	PST_PHASE_DRAIN,
	PST_PHASE_DONE,
};

enum pst_traffic_mode { PST_TRAFFIC_FORWARD, PST_TRAFFIC_SETUP };

struct pst_traffic_params {
	struct pst_plan plan;
	enum pst_traffic_mode mode;
	bool tcp;
	uint32_t window; /* packets between two looks at the clock */
	uint32_t seconds;
	uint32_t settle_ms; /* how long greeting and learning may take */
	const char *report; /* file, or NULL for standard error */
};

/* The receive side of a queue. */
struct pst_maker {
	alignas(RTE_CACHE_LINE_SIZE) struct pst_frame_base bases[PST_FRAME_PARTS][PST_FRAME_SIZES];
	const struct pst_frame_base *use; /* by size, for flows that are all in the same state */
	uint32_t next[PST_TRAFFIC_BURST]; /* flows of the coming burst, prefetched */
	uint32_t cursor; /* frames into the rounds, over all queues */
	uint32_t step; /* number of queues that share a round */
	uint32_t first;
	uint32_t idle; /* empty polls still to make */
	uint32_t phase; /* for which next[] was filled */
	uint32_t random; /* of the sizes */
	uint16_t port;
	uint64_t made;
	uint64_t polls;
	uint64_t arp_replies;
};

/* The transmit side of a queue. */
struct pst_checker {
	alignas(RTE_CACHE_LINE_SIZE) uint64_t seen;
	uint32_t countdown; /* frames until the next one to check */
	uint32_t random;
	uint16_t port;
	bool tagged; /* what comes here has to be */
	uint64_t checked;
	uint64_t untranslated; /* of those: still from the client's own endpoint */
	uint64_t foreign;
	uint64_t arp_requests;
	uint64_t faults[PST_FAULTS];
	uint8_t sample[PST_FRAME_LINE]; /* the first bad frame's beginning */
	bool has_sample;
};

/* One ARP reply waits here for the next receive burst of its port. */
struct pst_arp_slot {
	_Atomic uint32_t state; /* 0 empty, 1 being written or read, 2 full */
	uint8_t frame[PST_FRAME_MIN];
};

struct pst_traffic {
	struct pst_traffic_params params;
	_Atomic uint32_t phase;
	_Atomic bool greeted[PST_TRAFFIC_PORTS]; /* seen on the way out of this port */
	uint16_t queues;
	/* of the control thread: frames until warm, frames before the measurement */
	uint64_t warm_goal, made_before, seen_before;
	struct rte_ether_addr mac[PST_TRAFFIC_PORTS]; /* the maker's */
	/* outside endpoint by flow, or in mode setup by the flow's low bits; port 0: not yet */
	struct pst_endpoint4 *learnt;
	uint32_t learnt_mask;
	bool *answered;		      /* by flow, TCP: the answer came through */
	struct pst_maker makers[PST_TRAFFIC_PORTS][PST_TRAFFIC_QUEUES];
	struct pst_checker checkers[PST_TRAFFIC_PORTS][PST_TRAFFIC_QUEUES];
	struct pst_arp_slot arp[PST_TRAFFIC_PORTS];
	struct pst_meter *meters[RTE_MAX_LCORE];
	struct pst_steady steady; /* mode setup */
};

extern struct pst_traffic pst_traffic;

/* What the ports call. */
uint16_t pst_traffic_rx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	uint16_t max, void *maker);
uint16_t pst_traffic_tx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	void *checker);

static inline uint32_t
pst_traffic_phase(void)
{
	return atomic_load_explicit(&pst_traffic.phase, memory_order_acquire);
}

static inline bool
pst_traffic_is_setup(void)
{
	return pst_traffic.params.mode == PST_TRAFFIC_SETUP;
}
