/* SPDX-License-Identifier: BSD-3-Clause */
#include "steady.h"

#include <string.h>

#include <rte_common.h>

#define GAP_MOST 384 /* half a millisecond at 700,000 connections a second */

static const struct stage {
	enum pst_frame_part part;
	uint16_t port;
} tcp_stages[PST_STEADY_STAGES] = {
	{ PST_FRAME_SYN, 0 },
	{ PST_FRAME_SYN_ACK, 1 },
	{ PST_FRAME_ACK, 0 },
	{ PST_FRAME_TO_SERVER, 0 },
	{ PST_FRAME_FIN, 0 },
	{ PST_FRAME_FIN_BACK, 1 },
	{ PST_FRAME_ACK, 0 },
}, udp_stages[1] = {
	{ PST_FRAME_UDP, 0 },
};

static const struct stage *
stages_of(const struct pst_steady *steady)
{
	return steady->stages == 1 ? udp_stages : tcp_stages;
}

void
pst_steady_init(struct pst_steady *steady, uint32_t flows, bool tcp)
{
	memset(steady, 0, sizeof(*steady));
	steady->stages = pst_steady_packets(tcp);
	steady->gap = RTE_MIN(flows / 512, (uint32_t)GAP_MOST);
}

/* How many connections may pass stage k now. */
static uint64_t
ready(const struct pst_steady *steady, uint32_t k, uint64_t most)
{
	uint64_t up_to = most;

	if (k > 0)
		up_to = steady->done[k - 1] - RTE_MIN(steady->done[k - 1], steady->gap);
	return up_to - RTE_MIN(up_to, steady->done[k]);
}

static uint32_t
count_stages(const struct pst_steady *steady, uint16_t port)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < steady->stages; k++)
		n += stages_of(steady)[k].port == port;
	return n;
}

uint32_t
pst_steady_next(struct pst_steady *steady, uint16_t port, uint32_t n, uint64_t most,
	struct pst_step *steps)
{
	uint32_t stages = count_stages(steady, port), made = 0;
	uint32_t share = stages == 0 ? 0 : n / stages;

	for (uint32_t k = steady->stages; k-- > 0;) {
		const struct stage *stage = &stages_of(steady)[k];
		uint64_t count = RTE_MIN(ready(steady, k, most), share);

		if (stage->port != port)
			continue;
		for (uint64_t i = 0; i < count; i++)
			steps[made++] = (struct pst_step){ steady->done[k] + i, stage->part };
		steady->done[k] += count;
	}
	return made;
}
