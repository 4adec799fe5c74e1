/* SPDX-License-Identifier: BSD-3-Clause */
/* What leaves a worker: to ports, other workers, editor lcores and main. */
#include <rte_ethdev.h>

#include "worker/worker_priv.h"

#define TX_TRIES 4 /* some drivers take a burst in parts */

static void
drop_rest(struct pst_worker *w, struct tx_buffer *b, uint32_t done, enum pst_drop why)
{
	if (unlikely(done < b->n)) {
		w->stats.account.dropped[why] += b->n - done;
		rte_pktmbuf_free_bulk(b->packets + done, b->n - done);
	}
	b->n = 0;
}

void
pst_worker_flush_port(struct pst_worker *w, uint16_t port)
{
	struct tx_buffer *b = &w->tx[port];
	uint32_t done = 0;

	for (int tries = 0; tries < TX_TRIES && done < b->n; tries++)
		done += rte_eth_tx_burst(port, w->params.ports[port].tx_queue, b->packets + done,
			b->n - done);
	w->stats.account.sent += done;
	drop_rest(w, b, done, PST_DROP_TX_FULL);
}

static void
flush_ring(struct pst_worker *w, struct tx_buffer *b, struct rte_ring *ring, uint64_t *count,
	enum pst_drop why)
{
	uint32_t done = rte_ring_sp_enqueue_burst(ring, (void **)b->packets, b->n, NULL);

	*count += done;
	drop_rest(w, b, done, why);
}

static void
flush_out(struct pst_worker *w, uint32_t to)
{
	flush_ring(w, &w->out[to], w->params.to[to], &w->stats.handed_over,
		PST_DROP_HANDOVER_RING);
}

static void
flush_lent(struct pst_worker *w, uint32_t e)
{
	flush_ring(w, &w->lent[e], w->params.editors[e]->to_asker, &w->stats.lent,
		PST_DROP_EDITOR_RING);
}

void
pst_worker_send(struct pst_worker *w, struct rte_mbuf *m, uint16_t iface)
{
	uint16_t port = w->params.net->ifaces[iface].port;
	const struct pst_worker_port *p = &w->params.ports[port];
	struct tx_buffer *b;

	if (unlikely(p->tx_queue == PST_NO_QUEUE)) {
		pst_tag(m)->kind = PST_TAG_SEND;
		pst_tag(m)->iface = iface;
		pst_worker_hand_over(w, m, p->tx_worker);
		return;
	}
	w->stats.ifaces[iface].tx_packets++;
	w->stats.ifaces[iface].tx_bytes += rte_pktmbuf_pkt_len(m);
	b = &w->tx[port];
	b->packets[b->n++] = m;
	if (b->n == PST_BURST)
		pst_worker_flush_port(w, port);
}

static void
to_resolve(struct pst_worker *w, struct rte_mbuf *m, const struct pst_next *next)
{
	struct pst_tag *tag = pst_tag(m);

	tag->kind = PST_TAG_RESOLVE;
	tag->iface = next->iface;
	tag->next_hop = next->ip;
	if (unlikely(w->tap != NULL))
		pst_tap_follow(w, tag);
	pst_worker_to_main(w, m);
}

void
pst_worker_pass_on(struct pst_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct pst_next *next)
{
	const struct pst_iface *out = &w->params.net->ifaces[next->iface];
	struct rte_ether_addr mac;

	if (unlikely(rte_be_to_cpu_16(ip->total_length) > out->mtu)) {
		pst_worker_cut(w, m, ip, next);
		return;
	}
	/* little-endian or not, the MAC's bytes lie in the word as neigh.c put them */
	for (int k = 0; k < RTE_ETHER_ADDR_LEN; k++)
		mac.addr_bytes[k] = next->word >> (8 * k);
	pst_net_set_l2(m, ip, out, &mac);
	if (unlikely(next->word == 0))
		to_resolve(w, m, next);
	else
		pst_worker_send(w, m, next->iface);
}

void
pst_worker_hand_over(struct pst_worker *w, struct rte_mbuf *m, uint32_t to)
{
	struct tx_buffer *b = &w->out[to];

	b->packets[b->n++] = m;
	if (b->n == PST_BURST)
		flush_out(w, to);
}

void
pst_worker_lend(struct pst_worker *w, struct rte_mbuf *m, uint32_t editor)
{
	struct tx_buffer *b = &w->lent[editor];

	b->packets[b->n++] = m;
	if (b->n == PST_BURST)
		flush_lent(w, editor);
}

void
pst_worker_to_main(struct pst_worker *w, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(w->params.main->to_asker, m) != 0)
		drop(w, m, PST_DROP_MAIN_RING);
}

void
pst_worker_flush_lent(struct pst_worker *w)
{
	for (uint32_t k = 0; k < w->params.n_editors; k++) {
		if (w->lent[k].n > 0)
			flush_lent(w, k);
	}
}

void
pst_worker_flush(struct pst_worker *w)
{
	for (uint32_t k = 0; k < w->params.n_ports; k++) {
		if (w->tx[w->params.port_ids[k]].n > 0)
			pst_worker_flush_port(w, w->params.port_ids[k]);
	}
	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		if (w->out[k].n > 0)
			flush_out(w, k);
	}
	pst_worker_flush_lent(w);
}
