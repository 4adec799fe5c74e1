/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/latency.h"

#include <string.h>

#define NS_IN_S 1000000000

const uint32_t pst_latency_bounds_ns[PST_LATENCY_BOUNDS] = { 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 25000000,
	50000000, 100000000 };

void
pst_latency_init(struct pst_latency *l, uint64_t tsc_hz)
{
	memset(l, 0, sizeof(*l));
	for (uint32_t i = 0; i < PST_LATENCY_BOUNDS; i++)
		l->bounds[i] = (__uint128_t)pst_latency_bounds_ns[i] * tsc_hz / NS_IN_S;
}
