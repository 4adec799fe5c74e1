/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance's pipeline on the bench's two ports: workers, NAT tables and neighbours as the
 * daemon makes them, with one inside and one outside network.
 *
 * inside   port 0, 172.16.0.1/24, and 10.0.0.0/8 by way of 172.16.0.2
 * outside  port 1, 198.51.100.1/24, and everything else by way of 198.51.100.254
 * pool     192.0.2.0 and on, as many addresses as the flows need at half load
 *
 * Unless it is said, the tables are as large as in a default set-up, not as large as the test.
 *
 * In a steady state of new connections (steady.h) the worker's clock goes by the number of those
 * that have begun, so that as many end, and the pool is nearly used up.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/stats.h"

struct pst_pipeline;

struct pst_pipeline_params {
	uint32_t flows;
	uint32_t connections; /* that the tables have room for; 0: by the flows */
	uint32_t workers;
	uint32_t filters, rules; /* of lists.h, for connections that begin */
	uint16_t mtu;
	uint16_t vlans[2]; /* by port; 0: untagged */
	bool steady; /* one worker */
	bool tcp; /* which connections begin */
};

/* After the EAL is up, with ports 0 and 1. NULL, with rte_errno set, and said why. */
struct pst_pipeline *pst_pipeline_create(const struct pst_pipeline_params *params);
void pst_pipeline_destroy(struct pst_pipeline *pipeline);

/* Run the workers until *stop; the main lcore looks after the neighbours. 0 or -errno. */
int pst_pipeline_run(struct pst_pipeline *pipeline, const volatile sig_atomic_t *stop);

/* The packet account of all workers, after the run. */
void pst_pipeline_account(const struct pst_pipeline *pipeline, struct pst_account *account);

/*
 * What the workers' tables took of the heap, all in: entries, keys, binds, clients, timers and
 * port pools; and for how many connections.
 */
struct pst_pipeline_memory {
	uint64_t bytes, connections;
	uint64_t rests; /* bytes for ports that rest, of all workers together */
};
void pst_pipeline_memory(
	const struct pst_pipeline *pipeline, struct pst_pipeline_memory *memory);

/* Of a steady state: what began and what ended since the tables were full; how many there are. */
struct pst_pipeline_turnover {
	uint64_t begun, expired, live;
	bool is_steady; /* as many ended as began */
};
void pst_pipeline_turnover(
	const struct pst_pipeline *pipeline, struct pst_pipeline_turnover *turnover);
