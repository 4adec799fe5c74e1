/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker and an editor lcore count besides the packet account. That
 * lcore writes, main reads (relaxed), word by word.
 */
#pragma once

#include <stdint.h>

#include "base/counter.h"
#include "base/latency.h"

#define PST_STAT_IFACES 64

struct pst_iface_stats {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
};

/* Where a worker's loop spends its time. */
enum pst_stage {
	PST_STAGE_FORWARD, /* packets of ports, other workers, editor lcores and main */
	PST_STAGE_SERVE,   /* requests, and events told */
	PST_STAGE_EXPIRE,
	PST_STAGE_REST, /* what was made is sent, figures are published */
	PST_STAGES,
};

struct pst_worker_stats {
	struct pst_account account;
	struct pst_iface_stats ifaces[PST_STAT_IFACES];
	uint64_t handed_over; /* packets given to another worker */
	uint64_t taken_over;  /* packets got from another worker */
	uint64_t lent;        /* packets to editor lcores */
	uint64_t edited;      /* packets from editor lcores */
	uint64_t connections, connections_total; /* now, ever */
	uint64_t binds, binds_total;
	uint64_t listeners, listeners_total;
	uint64_t clients, clients_total;
	/* how many there can be; set before launch */
	uint64_t connections_most, binds_most, listeners_most, clients_most;
	uint64_t requests; /* served */
	uint64_t loops, busy_loops;
	uint64_t walk_ticks; /* TSC, in tables that were looked through for the operator (walk.c) */
	/*
	 * TSC ticks by stage, of one loop in 64 by lot (worker.c), less what reading the TSC takes: the
	 * ticks of these loops are exact, shares and averages of all are estimates. A stage is
	 * charged until all that it reads is there; that its stores reach other lcores takes
	 * longer, but nothing here waits for it.
	 */
	uint64_t timed_loops;
	uint64_t stage_ticks[PST_STAGES];
	uint64_t busy_ticks; /* of the timed loops that had something to do */
};

/*
 * Loops from a timed one to the next: these, and up to 63 more by lot, so that for each tick of a
 * timed loop all of them had PST_TIMED_MEAN on average. All busy ticks are timed ones times that:
 * it grows as they do, which a ratio of counted loops would not.
 */
#define PST_TIMED_FROM 32
#define PST_TIMED_LOTS 64
#define PST_TIMED_MEAN (PST_TIMED_FROM + (PST_TIMED_LOTS - 1) / 2.0)

struct pst_editor_stats {
	struct pst_account account;
	uint64_t sessions;
	uint64_t connections; /* watched, now */
	uint64_t binds, bind_failures, late_replies;
	uint64_t edits, retransmits, splits, latched;
	struct pst_latency bind_latency; /* of BindForClient's requests that were answered in time */
};
