/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meter: what a packet costs one lcore, measured in windows of many packets.
 *
 * A window counts the lcore's own CPU time, so other processes do not show. What does show is
 * a host that runs another guest on the core's sibling thread. A probe of a few microseconds
 * between two windows notices: a window is left out when a probe at its ends, or at the ends
 * of the windows before and behind it, was slow.
 *
 * Besides, each round of the lcore's loop is timed by the TSC, as it is what a packet may have to
 * wait for. Of the rounds, too, those in quiet windows count. All are kept, so the quantiles are
 * exact. The probe is in no round. A probe does not see what interrupts the core for a moment: so
 * behind each window there are a few rounds, as long as the last one, in which the core does
 * nothing but look at the TSC. How much longer these take is the machine's part.
 *
 * Owner: the lcore that receives. The summary is made when it has stopped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define PST_METER_WINDOWS 16384
#define PST_METER_LOOPS (1u << 22)
#define PST_METER_IDLES 4 /* behind a window */

struct pst_window {
	uint64_t cpu_ns;
	uint64_t tsc;
	uint32_t packets;
	uint32_t probe_ns; /* the slower of the probes at its two ends */
	uint32_t loops;	   /* up to its end, from the first window on */
};

struct pst_meter {
	uint64_t cpu_start;
	uint64_t tsc_start;
	uint64_t packets; /* of the open window */
	uint32_t probe_ns; /* before the open window */
	uint32_t count;
	bool open;
	uint64_t loop_start;
	uint32_t n_loops;
	struct pst_window windows[PST_METER_WINDOWS];
	uint32_t idles[PST_METER_WINDOWS * PST_METER_IDLES]; /* TSC ticks */
	uint32_t loops[PST_METER_LOOPS];
};

/* TSC ticks a round. */
struct pst_rounds {
	uint32_t n;
	uint32_t p50, p99, p999, p9999, max;
};

struct pst_summary {
	uint32_t windows;
	uint32_t kept;
	uint32_t probe_quiet_ns;
	uint64_t packets; /* in all windows */
	/* per packet, of the kept windows, or of all when none was kept */
	double ns_min, ns_median, ns_p99, ns_p999, ns_max;
	double tsc_median;
	struct pst_rounds loop, idle; /* of the same windows */
};

/* NULL when there is no memory. free() it. */
struct pst_meter *pst_meter_create(void);

void pst_meter_turn(struct pst_meter *meter);

/* Note n received packets. */
static inline void
pst_meter_add(struct pst_meter *meter, uint32_t n)
{
	meter->packets += n;
}

/* The same without rounds: a new window starts when the open one has enough packets. */
static inline void
pst_meter_note(struct pst_meter *meter, uint32_t n, uint32_t window)
{
	meter->packets += n;
	if (!meter->open || meter->packets >= window)
		pst_meter_turn(meter);
}

/* A round of the loop begins; a new window, too, when the open one has enough packets. */
static inline void
pst_meter_loop(struct pst_meter *meter, uint32_t window)
{
	uint64_t now = rte_rdtsc();

	if (meter->open && meter->n_loops < PST_METER_LOOPS)
		meter->loops[meter->n_loops++] = RTE_MIN(now - meter->loop_start, UINT32_MAX);
	meter->loop_start = now;
	if (!meter->open || meter->packets >= window) {
		pst_meter_turn(meter);
		meter->loop_start = meter->tsc_start;
	}
}

/* Put the windows of n meters (some may be NULL) into one result. Returns 0 or -ENOMEM. */
int pst_meter_sum(struct pst_meter *const *meters, uint32_t n, struct pst_summary *sum);
