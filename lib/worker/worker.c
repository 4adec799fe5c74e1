/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/worker_priv.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "base/err.h"

#define EXPIRE_A_ROUND 64
#define PREFETCH_AHEAD 8

struct pst_worker *
pst_worker_create(const struct pst_worker_params *params)
{
	struct pst_worker *w;

	w = rte_zmalloc_socket("pst_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, params->socket);
	if (w == NULL)
		return pst_null(ENOMEM);
	w->params = *params;
	w->nat = params->nat;
	return w;
}

void
pst_worker_destroy(struct pst_worker *w)
{
	if (w == NULL)
		return;
	pst_nat_destroy(w->nat);
	rte_free(w);
}

const struct pst_worker_stats *
pst_worker_stats(const struct pst_worker *w)
{
	return &w->stats;
}

struct pst_nat *
pst_worker_nat(struct pst_worker *w)
{
	return w->nat;
}

const struct pst_rss_check *
pst_worker_rss(const struct pst_worker *w, uint16_t port)
{
	return &w->rss[port];
}

/* The whole burst at each stage, so that its cold lines are asked for together. */
static void
process(struct pst_worker *w, struct rte_mbuf **m, uint32_t n, bool handed, uint64_t now_ms)
{
	const struct pst_conn_table *conns = &w->nat->conns;
	struct job jobs[PST_BURST];
	uint16_t missed[PST_BURST];
	uint32_t n_jobs = 0, n_missed = 0;

	for (uint32_t k = 0; k < n && k < PREFETCH_AHEAD; k++)
		rte_prefetch0(rte_pktmbuf_mtod(m[k], void *));
	for (uint32_t k = 0; k < n; k++) {
		if (k + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[k + PREFETCH_AHEAD], void *));
		jobs[n_jobs].m = m[k];
		if (pst_worker_sort(w, &jobs[n_jobs], handed, now_ms))
			n_jobs++;
	}
	for (uint32_t k = 0; k < n_jobs; k++) {
		jobs[k].guess = pst_flow_guess(&conns->flows, jobs[k].hash);
		if (jobs[k].guess != PST_FLOW_NONE)
			rte_prefetch0(&conns->hot[jobs[k].guess >> 1]);
	}
	for (uint32_t k = 0; k < n_jobs; k++) {
		uint32_t found = pst_conn_lookup(conns, jobs[k].hash, jobs[k].key);

		if (likely(found != PST_FLOW_NONE))
			pst_worker_forward(w, &jobs[k], found >> 1, now_ms);
		else
			missed[n_missed++] = k;
	}
	for (uint32_t k = 0; k < n_missed; k++) {
		struct job *job = &jobs[missed[k]];
		/* one before it in the burst may have opened it */
		uint32_t found = pst_conn_lookup(conns, job->hash, job->key);

		if (found != PST_FLOW_NONE)
			pst_worker_forward(w, job, found >> 1, now_ms);
		else
			pst_worker_open(w, job, now_ms);
	}
}

static uint32_t
poll_ports(struct pst_worker *w, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t total = 0, n;

	for (uint32_t k = 0; k < w->params.n_ports; k++) {
		uint16_t port = w->params.port_ids[k];
		uint16_t queue = w->params.ports[port].rx_queue;

		if (queue == PST_NO_QUEUE)
			continue;
		n = rte_eth_rx_burst(port, queue, m, PST_BURST);
		if (n == 0)
			continue;
		w->stats.account.received += n;
		process(w, m, n, false, now_ms);
		total += n;
	}
	return total;
}

/* From another worker: packets that are ours to translate, or that only we can send. */
static uint32_t
poll_worker(struct pst_worker *w, struct rte_ring *ring, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(ring, (void **)m, PST_BURST, NULL), ours = 0;

	for (uint32_t k = 0; k < n; k++) {
		if (pst_tag(m[k])->kind == PST_TAG_SEND)
			pst_worker_send(w, m[k], pst_tag(m[k])->iface);
		else
			m[ours++] = m[k];
	}
	w->stats.taken_over += n;
	if (ours > 0)
		process(w, m, ours, true, now_ms);
	return n;
}

static uint32_t
poll_main(struct pst_worker *w)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t n;

	n = rte_ring_sc_dequeue_burst(w->params.main->to_worker, (void **)m, PST_BURST, NULL);
	for (uint32_t k = 0; k < n; k++)
		pst_worker_send(w, m[k], pst_tag(m[k])->iface);
	return n;
}

static void
publish_sizes(struct pst_worker *w)
{
	const struct pst_nat *nat = w->nat;

	w->stats.connections = pst_slots_used(&nat->conns.slots);
	w->stats.binds = pst_slots_used(&nat->binds.slots);
	w->stats.listeners = pst_slots_used(&nat->listeners.slots);
	w->stats.clients = pst_slots_used(&nat->clients.slots);
	w->stats.connections_total = nat->connections_total;
	w->stats.binds_total = nat->binds_total;
	w->stats.listeners_total = nat->listeners_total;
}

uint32_t
pst_worker_poll(struct pst_worker *w, uint64_t now_ms)
{
	uint32_t done = poll_ports(w, now_ms);

	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		if (w->params.from[k] != NULL)
			done += poll_worker(w, w->params.from[k], now_ms);
	}
	done += pst_worker_take_back(w, now_ms);
	done += poll_main(w);
	done += pst_worker_serve(w, now_ms);
	done += pst_nat_expire(w->nat, now_ms, EXPIRE_A_ROUND);
	pst_worker_flush(w);
	publish_sizes(w);
	w->stats.loops++;
	w->stats.busy_loops += done > 0;
	return done;
}

static void
drain_ring(struct pst_worker *w, struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &m) == 0)
		drop(w, m, PST_DROP_STOPPED);
}

void
pst_worker_drain(struct pst_worker *w, uint64_t now_ms)
{
	(void)now_ms;
	for (uint32_t k = 0; k < w->params.n_workers; k++)
		drain_ring(w, w->params.from[k]);
	for (uint32_t e = 0; e < w->params.n_editors; e++)
		drain_ring(w, w->params.editors[e]->to_worker);
	drain_ring(w, w->params.main->to_worker);
}
