/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Worker: one poll-mode lcore of the packet path, run to completion.
 *
 * Each round: packets of its receive queues and of the other workers, a
 * burst at a time; what editor lcores give back; requests; timers; events; then
 * everything that was made is sent. A worker never waits for anybody.
 *
 *	burst, in pieces of eight:
 *	      -> parse, whose is it, hash, prefetch the buckets
 *	      -> prefetch the entries
 *	      -> look up, translate and send, one by one
 *	      -> those without a connection: policy, open, translate and send
 *
 * The stages overlap: a piece is sorted while the one before it waits for its entries.
 */
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "chan/chan.h"
#include "nat/nat.h"
#include "worker/neigh.h"
#include "worker/net.h"
#include "worker/stats.h"
#include "worker/steer.h"

#define PST_BURST 64
#define PST_NO_QUEUE UINT16_MAX

/* How a worker reaches a port. */
struct pst_worker_port {
	uint16_t rx_queue; /* PST_NO_QUEUE: it polls none here */
	uint16_t tx_queue; /* PST_NO_QUEUE: it sends by way of tx_worker */
	uint16_t tx_worker;
};

/* Set by main before launch, const after; but for the net, which the worker itself changes. */
struct pst_worker_params {
	uint32_t index;
	const struct pst_net *net; /* another one after a reload */
	struct pst_steer *steer; /* all workers' */
	struct pst_nat *nat; /* its own */
	struct pst_chan *main;
	struct pst_chan *reload; /* main's too, for requests of a reload; NULL: there are none */
	struct pst_chan *editors[PST_EDITORS_MAX];
	uint32_t n_editors;
	/* from and to each other worker; NULL at its own index */
	struct rte_ring *from[PST_WORKERS_MAX], *to[PST_WORKERS_MAX];
	/* requests of each other worker, and to it; NULL at its own index */
	struct pst_chan *asked_by[PST_WORKERS_MAX], *asks[PST_WORKERS_MAX];
	uint32_t n_workers;
	struct pst_worker_port ports[PST_NET_PORTS];
	uint16_t port_ids[PST_NET_PORTS]; /* the ports in use */
	uint32_t n_ports;
	struct rte_mempool *mbufs; /* for packets it makes; with PST_MBUF_PRIV */
	int socket;
};

struct pst_worker;

/* NULL, with rte_errno set. Takes the nat over: it is destroyed with the worker. */
struct pst_worker *pst_worker_create(const struct pst_worker_params *params);
/* After its lcore stopped. Frees packets that are still held. Safe on NULL. */
void pst_worker_destroy(struct pst_worker *w);

/* One round. Returns how much there was to do; 0: nothing. */
uint32_t pst_worker_poll(struct pst_worker *w, uint64_t now_ms);

/* Drop what waits in the rings towards it, before it stops; counted. */
void pst_worker_drain(struct pst_worker *w, uint64_t now_ms);

const struct pst_worker_stats *pst_worker_stats(const struct pst_worker *w);
struct pst_nat *pst_worker_nat(struct pst_worker *w);
/* Per port: how many packets came, and how many to the wrong worker (steer.h). */
const struct pst_rss_check *pst_worker_rss(const struct pst_worker *w, uint16_t port);
