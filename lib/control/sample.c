/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/sample.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

/* Of nothing but uint64_t, which another lcore writes meanwhile. */
static void
copy_words(void *to, const void *from, size_t size)
{
	uint64_t *w = to;
	const uint64_t *r = from;

	for (size_t i = 0; i < size / sizeof(*w); i++)
		w[i] = __atomic_load_n(&r[i], __ATOMIC_RELAXED);
}
_Static_assert(sizeof(struct pst_worker_stats) % sizeof(uint64_t) == 0 &&
		       sizeof(struct pst_editor_stats) % sizeof(uint64_t) == 0,
	"words");

static void
fill_lcores(struct pst_sample *s, const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;

	for (; s->n_workers < p->n_workers; s->n_workers++) {
		uint32_t w = s->n_workers;

		copy_words(&s->workers[w], p->worker_stats[w], sizeof(s->workers[w]));
		s->load[w] = view->load[w];
		pst_account_add(&s->account, &s->workers[w].account);
	}
	for (; s->n_editors < p->n_editors; s->n_editors++) {
		uint32_t e = s->n_editors;

		copy_words(&s->editors[e], p->editor_stats[e], sizeof(s->editors[e]));
		pst_account_add(&s->account, &s->editors[e].account);
	}
	if (p->main_account != NULL)
		pst_account_add(&s->account, p->main_account);
}

static void
add_iface_counts(struct pst_sample *s, uint32_t i)
{
	struct pst_iface_stats *sum = &s->ifaces[i].counts;

	for (uint32_t w = 0; w < s->n_workers; w++) {
		const struct pst_iface_stats *one = &s->workers[w].ifaces[i];

		sum->rx_packets += one->rx_packets;
		sum->rx_bytes += one->rx_bytes;
		sum->tx_packets += one->tx_packets;
		sum->tx_bytes += one->tx_bytes;
	}
}

static void
fill_ifaces(struct pst_sample *s, const struct pst_control_params *p)
{
	struct pst_control_iface know;

	for (uint32_t i = 0; p->config != NULL && i < p->config->n_ifaces; i++) {
		struct pst_sample_iface *f = &s->ifaces[s->n_ifaces++];

		snprintf(f->name, sizeof(f->name), "%s", p->config->ifaces[i].name);
		add_iface_counts(s, i);
		if (p->iface == NULL || p->iface(p->ctx, i, &know) != 0)
			continue;
		f->known = true;
		f->up = know.up;
		f->mbps = know.mbps;
		f->mtu = know.mtu;
		f->has_port_stats = know.has_port_stats;
		f->missed = know.port_stats.imissed;
		f->receive_errors = know.port_stats.ierrors;
		f->send_errors = know.port_stats.oerrors;
		f->no_mbuf = know.port_stats.rx_nombuf;
	}
}

static void
fill_events(struct pst_sample *s, const struct pst_control_params *p)
{
	if (p->editors == NULL || p->editor_counter == NULL)
		return;
	for (uint32_t e = 0; p->editors[e] != NULL; e++) {
		const char *const *names = p->editors[e]->counters;

		for (uint32_t i = 0; names != NULL && names[i] != NULL; i++) {
			if (s->n_events == PST_SAMPLE_EVENTS)
				return;
			s->events[s->n_events].editor = p->editors[e]->name;
			s->events[s->n_events].event = names[i];
			s->events[s->n_events++].n = p->editor_counter(p->ctx, e, i);
		}
	}
}

static void
fill_pools(struct pst_sample *s, const struct pst_control_params *p)
{
	while (p->pool != NULL && s->n_pools < PST_SAMPLE_POOLS &&
		p->pool(p->ctx, s->n_pools, &s->pools[s->n_pools]) == 0)
		s->n_pools++;
}

static void
add_mempool(struct rte_mempool *pool, void *sample)
{
	struct pst_sample *s = sample;

	if (s->n_mempools == PST_SAMPLE_MEMPOOLS)
		return;
	snprintf(s->mempools[s->n_mempools].name, sizeof(s->mempools[0].name), "%s", pool->name);
	s->mempools[s->n_mempools].size = pool->size;
	s->mempools[s->n_mempools++].used = rte_mempool_in_use_count(pool);
}

static void
fill_memory(struct pst_sample *s)
{
	struct rte_malloc_socket_stats one;

	for (unsigned int i = 0; i < rte_socket_count(); i++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &one) != 0)
			continue;
		s->heap_bytes += one.heap_totalsz_bytes;
		s->heap_used_bytes += one.heap_allocsz_bytes;
	}
	rte_mempool_walk(add_mempool, s);
}

void
pst_sample_fill(struct pst_sample *s, const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;

	memset(s, 0, sizeof(*s));
	s->up_ms = view->now > p->started ? view->now - p->started : 0;
	s->tsc_hz = rte_get_tsc_hz();
	s->ready = view->ready;
	fill_lcores(s, view);
	fill_ifaces(s, p);
	fill_events(s, p);
	fill_pools(s, p);
	fill_memory(s);
	pst_sample_fill_process(&s->process);
}
