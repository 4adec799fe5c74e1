/* SPDX-License-Identifier: BSD-3-Clause */
/* Watched packets: lent to an editor lcore untranslated, and taken back. */
#include "worker/worker_priv.h"

/* The start of a stream may get lost on the way to the editor, and come again. */
static bool
is_start(const struct pst_view *v)
{
	if (v->proto == IPPROTO_UDP)
		return true; /* each may be the first that comes through */
	return (v->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG;
}

static uint8_t
tag_flags(const struct pst_conn *c, const struct pst_conn_rare *rare)
{
	/* what came to a published server is a primary connection */
	bool is_secondary = rare->permission != 0 ||
		((c->flags & PST_CONN_LISTENER) && rare->cookie != PST_NO_COOKIE);

	return (c->flags & PST_CONN_INBOUND ? PST_TAG_INBOUND : 0) |
		(c->unset ? PST_TAG_UNSET : 0) | (is_secondary ? PST_TAG_SECONDARY : 0);
}

void
pst_worker_divert(struct pst_worker *w, struct job *job, uint32_t i)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	const struct pst_conn_rare *rare = pst_conn_rare_of(&w->nat->conns, c);
	struct pst_tag *tag = pst_tag(job->m);

	*tag = (struct pst_tag){ .kind = PST_TAG_WATCHED,
		.dir = pst_conn_dir(c, job->way),
		.first = is_start(&job->v),
		.iface = job->iface,
		.protocol_index = c->protocol_index,
		.flags = tag_flags(c, rare),
		.proto = pst_key_low(c->remote),
		.cookie = rare->cookie,
		.conn = pst_conn_ref(&w->nat->conns, i),
		.inside = pst_key_endpoint(c->local[PST_WAY_OUT]),
		.outside = pst_key_endpoint(c->local[PST_WAY_IN]),
		.remote = pst_key_endpoint(c->remote) };
	pst_worker_lend(w, job->m, rare->editor_lcore);
}

static void
take_one(struct pst_worker *w, struct rte_mbuf *m, uint64_t now_ms)
{
	const struct pst_tag *tag = pst_tag(m);
	struct job job = { .m = m, .iface = tag->iface };
	uint32_t i = pst_conn_deref(&w->nat->conns, tag->conn);
	enum pst_drop why;

	if (i == PST_SLOT_NONE) {
		drop(w, m, PST_DROP_EDITOR_STALE);
		return;
	}
	job.way = tag->dir ^ (w->nat->conns.hot[i].flags & PST_CONN_INBOUND);
	pst_view_parse(&job.v, m);
	if (job.v.kind == PST_VIEW_L4 && (tag->flags & PST_TAG_ORIGIN))
		pst_nat_touch(w->nat, i, (enum pst_way)job.way, job.v.tcp_flags, now_ms, &why);
	if (job.v.kind != PST_VIEW_L4) {
		drop(w, m, PST_DROP_EDITOR_STALE);
		return;
	}
	pst_worker_finish(w, &job, i, now_ms);
}

static void
go_back(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms)
{
	(void)handed;
	take_one(w, m, now_ms);
}

uint32_t
pst_worker_take_back(struct pst_worker *w, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t total = 0, n;

	for (uint32_t e = 0; e < w->params.n_editors; e++) {
		n = rte_ring_sc_dequeue_burst(
			w->params.editors[e]->to_worker, (void **)m, PST_BURST, NULL);
		for (uint32_t k = 0; k < n; k++) {
			if (unlikely(w->tap != NULL))
				pst_tap_made(w, m[k], PST_TAP_EDITED, go_back, now_ms);
			else
				take_one(w, m[k], now_ms);
		}
		w->stats.edited += n;
		total += n;
	}
	return total;
}
