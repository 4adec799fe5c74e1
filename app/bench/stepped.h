/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole appliance whose workers are stepped in one thread, under a clock that stands, between
 * two ports that sort packets into queues as a NIC would: by rte_softrss(), with the key and the
 * table that steer.h makes for the port.
 *
 *	clients 10.0.0.0 and on, by way of 172.16.0.2 -- [inside] [outside] -- servers, by the
 *	default route
 *
 * What is counted (instructions, packets that change the worker) does not depend on time or on
 * the number of CPUs, so eight workers can be looked at where there is one CPU. All packets
 * are verified, as in frame.h. Queues are filled first, so that the workers find full bursts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PST_STEPPED_WORKERS_MAX 16 /* a port of rings has so many queues */

struct pst_editor;
struct pst_stepped;
struct pst_worker;

struct pst_stepped_params {
	uint32_t workers;
	uint32_t flows;	     /* of all workers together, a power of two */
	uint32_t port_block; /* ports that a client gets at a time; 0: one */
	bool tcp;
	bool any_queue; /* packets are sorted without regard to workers, as by an unknown NIC */
	uint16_t server_port;
	const struct pst_editor *const *editors; /* NULL at the end */
};

/* Needs an EAL. NULL, with rte_errno set. */
struct pst_stepped *pst_stepped_create(const struct pst_stepped_params *params);
void pst_stepped_destroy(struct pst_stepped *s);

/* Begin all flows: UDP by a datagram of the client, TCP by a handshake. */
void pst_stepped_open(struct pst_stepped *s);

/* A packet of each flow each way, in another order each time; and workers step until it is out. */
void pst_stepped_forward(struct pst_stepped *s);

/* Until nothing is under way, on any lcore. */
void pst_stepped_settle(struct pst_stepped *s);

/*
 * From now on workers are stepped by pst_stepped_measured() where they find full queues, and only
 * there. A profiler is told to count from the call of that function to its return.
 */
void pst_stepped_measure(struct pst_stepped *s);
uint32_t pst_stepped_measured(struct pst_worker *worker, uint64_t now_ms);

struct pst_stepped_result {
	uint64_t packets;     /* put into the ports */
	uint64_t handed_over; /* that another worker owned than the one they came to */
	uint64_t wrong;	      /* that came out wrong, or not at all */
};
struct pst_stepped_result pst_stepped_result(const struct pst_stepped *s);
