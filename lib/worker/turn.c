/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that start again: hairpin, and hand-over of what was sorted already.
 *
 * Hairpin is the same path twice: translated as outbound, a packet to an outside address of ours
 * is made a frame of the external interface and comes in there, on the worker that owns its port.
 * So the client that gets it sees the other one's outside endpoint (RFC 4787 REQ-9), and
 * filters, listeners and permissions hold for it as for anybody outside.
 */
#include "worker/worker_priv.h"

void
pst_worker_go(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	const struct pst_conn_table *conns = &w->nat->conns;
	uint32_t found;

	pst_worker_set_key(job);
	found = pst_conn_lookup(conns, pst_flow_hash(&conns->flows, job->key), job->key);
	if (found != PST_FLOW_NONE)
		pst_worker_forward(w, job, found >> 1, now_ms);
	else
		pst_worker_open(w, job, now_ms);
}

void
pst_worker_again(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms)
{
	struct job job = { .m = m, .second = true };

	if (pst_worker_sort(w, &job, handed, now_ms))
		pst_worker_go(w, &job, now_ms);
}

void
pst_worker_turn(struct pst_worker *w, struct rte_mbuf *m, void *ip, uint64_t now_ms)
{
	const struct rte_ipv4_hdr *header = ip;
	uint16_t i = pst_net_outside_iface(w->params.net, header->dst_addr);
	const struct pst_iface *iface;

	if (i == PST_NO_IFACE) {
		drop(w, m, PST_DROP_NO_ROUTE);
		return;
	}
	iface = &w->params.net->ifaces[i];
	pst_net_set_l2(m, ip, iface, &iface->mac);
	m->port = iface->port;
	pst_worker_again(w, m, false, now_ms);
}

void
pst_worker_hand_on(struct pst_worker *w, struct job *job, uint32_t to)
{
	struct pst_tag *tag = pst_tag(job->m);
	bool is_fragment = job->v.kind == PST_VIEW_FIRST_FRAGMENT ||
		job->v.kind == PST_VIEW_LATER_FRAGMENT;

	tag->kind = job->second ? PST_TAG_HAIRPIN : PST_TAG_HANDOVER;
	if (is_fragment && job->dealt) {
		tag->kind = PST_TAG_FRAGMENT;
		tag->flags = job->second ? PST_TAG_SECOND : 0;
		tag->sport = job->v.sport;
		tag->dport = job->v.dport;
	}
	pst_worker_hand_over(w, job->m, to);
}
