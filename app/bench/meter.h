/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meter: what a packet costs one lcore, measured in windows of many packets.
 *
 * A window counts the lcore's own CPU time, so other processes do not show. What does show is
 * a host that runs another guest on the core's sibling thread. A probe of a few microseconds
 * between two windows notices: a window is left out when a probe at its ends, or at the ends
 * of the windows before and behind it, was slow.
 *
 * Where the CPU counts for us (counts.h), a window has that too.
 *
 * Besides, each round of the lcore's loop is timed (rounds.h). What is done for that alone, between
 * two stretches of rounds, is no part of a window; nor is the probe.
 *
 * Owner: the lcore that receives. The summary is made when it has stopped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "rounds.h"

#define PST_METER_WINDOWS 16384

struct pst_window {
	uint64_t cpu_ns;
	uint64_t tsc;
	uint32_t packets;
	uint32_t probe_ns; /* the slower of the probes at its two ends */
	bool counted;
	struct pst_counts counts;
};

struct pst_meter {
	uint64_t cpu_start;
	uint64_t tsc_start;
	uint64_t packets; /* of the open window */
	uint32_t probe_ns; /* before the open window */
	uint32_t count;
	bool open;
	int counts_fd; /* once a window was open */
	struct pst_counts counts_start;
	struct pst_window windows[PST_METER_WINDOWS];
	struct pst_round_log rounds;
};

struct pst_summary {
	uint32_t windows;
	uint32_t kept;
	uint32_t probe_quiet_ns;
	uint64_t packets; /* in all windows */
	/* per packet, of the kept windows, or of all when none was kept */
	double ns_min, ns_median, ns_p99, ns_p999, ns_max;
	double tsc_median;
	bool counted; /* by the CPU, all of these windows */
	double counts[PST_COUNTS]; /* per packet, medians */
	/* of the same windows */
	uint32_t stretches, left; /* of the loop; those that were left alone */
	struct pst_rounds loop, idle, every;
};

/* With the EAL up; NULL when there is no memory. free() it. */
struct pst_meter *pst_meter_create(void);

void pst_meter_turn(struct pst_meter *meter);
/* Within a window: end a stretch of rounds, wait, begin another. */
void pst_meter_rest(struct pst_meter *meter);

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
	bool is_over = meter->open && pst_rounds_next(&meter->rounds);

	if (!meter->open || meter->packets >= window)
		pst_meter_turn(meter);
	else if (is_over)
		pst_meter_rest(meter);
}

/* Put the windows of n meters (some may be NULL) into one result. Returns 0 or -ENOMEM. */
int pst_meter_sum(struct pst_meter *const *meters, uint32_t n, struct pst_summary *sum);
