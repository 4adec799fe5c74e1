/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance put together: tables, rings, workers, editor lcores, and
 * main's own part, from a config and a list of ports. It starts no thread and reads
 * no clock, so that a test can step it: the daemon runs each part on its lcore.
 *
 *	pst_worker_poll(a->workers[k])       worker lcore k
 *	pst_runtime_poll(a->runtimes[e])     editor lcore e
 *	pst_appliance_poll(a)                main
 */
#pragma once

#include <rte_mempool.h>

#include "config/config.h"
#include "eventlog/eventlog.h"
#include "runtime/runtime.h"
#include "snapshot.h"
#include "swap.h"
#include "worker/announce.h"
#include "worker/worker.h"

/* How an interface's port is reached; by number of the interface in the config. */
struct pst_appliance_iface {
	uint16_t port;
	uint16_t mtu;
	struct rte_ether_addr mac;
	bool virtual_port;
	uint16_t n_rx, n_tx; /* queues */
};

struct pst_appliance_params {
	const struct pst_config *config;
	struct pst_appliance_iface ifaces[PST_IFACES_MAX];
	struct rte_mempool *mbufs; /* with PST_MBUF_PRIV */
	uint64_t seed;
	uint64_t now_ms;
	const struct pst_editor *const *editors; /* NULL at the end; NULL: pst_editors */
	uint32_t ring_packets; /* of each packet ring, a power of two; 0: 1024 */
	uint32_t ring_events;  /* 0: 1024 */
	uint32_t handles;      /* connections and endpoints of an editor lcore; 0: 16384 */
	uint32_t listeners;    /* of a worker; 0: by its connections */
	struct pst_eventlog *eventlog; /* which hears of all; or NULL */
	uint32_t records;      /* requests an editor lcore may have under way at a worker; 0: 64 */
	/* what pst_bind_for_client() runs while it waits; and the clock it waits by */
	void (*idle)(void *ctx);
	uint64_t (*now)(void *ctx);
	void *ctx;
};

/* What a worker counts: by rule, and how many none decided; by packet filter. NULL: none. */
struct pst_counts {
	uint64_t *rules, *filters;
};

struct pst_appliance {
	struct pst_appliance_params params;
	uint32_t n_workers, n_editors;
	struct pst_steer steer;
	struct pst_snapshot *now; /* what the lcores read */
	struct pst_swap *swap;	  /* that takes them to the next one */
	struct pst_counts counts[PST_WORKERS_MAX];
	bool has_pools[PST_NAT_ADDRESSES_MAX]; /* by number: each worker has */
	uint64_t records[PST_WORKERS_MAX]; /* of port blocks: the next number, */
	uint64_t recorded_ms[PST_WORKERS_MAX]; /* and when the last one was made */
	struct pst_hooks hooks[PST_ADMIN_FILTERS]; /* by editor */
	uint64_t editors_started;		   /* init() was called: a bit for each */

	struct pst_worker *workers[PST_WORKERS_MAX];
	struct pst_runtime *runtimes[PST_EDITORS_MAX];
	struct pst_chan *main_chans[PST_WORKERS_MAX];
	struct pst_chan *reload_chans[PST_WORKERS_MAX], *runtime_chans[PST_EDITORS_MAX];
	struct pst_chan *editor_chans[PST_EDITORS_MAX][PST_WORKERS_MAX];
	struct rte_ring *rings[PST_WORKERS_MAX][PST_WORKERS_MAX]; /* [from][to] */
	struct pst_chan *worker_chans[PST_WORKERS_MAX][PST_WORKERS_MAX]; /* [asker][asked] */

	struct pst_record_queue *queues[PST_WORKERS_MAX]; /* of the event log, if there is one */

	uint64_t now_ms; /* main's */
	struct pst_neigh_table *neigh;
	struct pst_announce announce;
	bool link_up[PST_IFACES_MAX]; /* as main was told */
	struct pst_account account; /* main's */
	struct {
		uint64_t second;
		uint32_t n; /* in that second */
	} refusals;
	struct {
		uint64_t second, since_ms;
		uint32_t n; /* that were recorded in that second */
		uint64_t cut[PST_RECORD_N_KINDS]; /* and that were not */
	} recorded; /* refusals, in the event log */
};

/* NULL, with a text in error. */
struct pst_appliance *pst_appliance_create(
	const struct pst_appliance_params *params, char *error, size_t size);

/* Main: what workers sent it, and the neighbours' timers. How much there was to do. */
uint32_t pst_appliance_poll(struct pst_appliance *a, uint64_t now_ms);

/*
 * Main: an interface's link came up, so that its addresses are announced; or went down, so that
 * its neighbours are forgotten. Until something is said of it none of it is done.
 */
void pst_appliance_set_link(struct pst_appliance *a, uint32_t iface, bool up, uint64_t now_ms);

/* After all lcores stopped: drop and count what is still in rings. */
void pst_appliance_drain(struct pst_appliance *a, uint64_t now_ms);

/* Safe on NULL. */
void pst_appliance_destroy(struct pst_appliance *a);

/* The packet account of all lcores. */
void pst_appliance_account(const struct pst_appliance *a, struct pst_account *sum);

/* Megabytes that the tables of this config take, about. */
uint32_t pst_appliance_megabytes(const struct pst_config *config);
