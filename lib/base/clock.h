/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time is an argument: loops read it once a burst and hand it down as `now`,
 * in milliseconds since some start. A test hands down its own.
 */
#pragma once

#include <stdint.h>

#include <rte_cycles.h>

#define PST_MS_PER_S 1000

struct pst_clock {
	uint64_t start;      /* TSC */
	uint64_t ms_per_tsc; /* 2^-32 ms a tick */
};

static inline void
pst_clock_init(struct pst_clock *clock)
{
	clock->start = rte_rdtsc();
	clock->ms_per_tsc = ((__uint128_t)PST_MS_PER_S << 32) / rte_get_tsc_hz();
}

/* Now, in ms since init; starts at 1 s, so that 0 can mean "never". */
static inline uint64_t
pst_clock_now(const struct pst_clock *clock)
{
	uint64_t ticks = rte_rdtsc() - clock->start;

	return (uint64_t)(((__uint128_t)ticks * clock->ms_per_tsc) >> 32) + PST_MS_PER_S;
}
