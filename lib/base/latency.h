/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Latency: how long something took, counted in buckets of fixed bounds, 250 ns to 100 ms. The
 * bounds are times, not ticks, so that the figures of different machines can be added.
 *
 * Owner: the lcore that notes; others read (relaxed).
 */
#pragma once

#include <stdint.h>

#define PST_LATENCY_BOUNDS 18

/* The upper bounds, each included, in nanoseconds. */
extern const uint32_t pst_latency_bounds_ns[PST_LATENCY_BOUNDS];

struct pst_latency {
	uint64_t bounds[PST_LATENCY_BOUNDS]; /* the same in TSC ticks; const after init */
	/* by the lowest bound that it was not above; the last: above all */
	uint64_t counts[PST_LATENCY_BOUNDS + 1];
	uint64_t ticks; /* of all together */
};

void pst_latency_init(struct pst_latency *l, uint64_t tsc_hz);

static inline void
pst_latency_note(struct pst_latency *l, uint64_t ticks)
{
	uint32_t i = 0;

	while (i < PST_LATENCY_BOUNDS && ticks > l->bounds[i])
		i++;
	l->counts[i]++;
	l->ticks += ticks;
}
