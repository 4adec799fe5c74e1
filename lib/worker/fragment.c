/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a fragment, and packets that are cut.
 *
 *	from inside:  the client's worker knows the ports and has the connection
 *	from outside: hash(source, destination, id, protocol) -> a worker that learns the
 *		      ports from the first fragment and hands each on to the port's owner
 *
 * So a datagram's fragments meet on one worker before anybody knows where they belong. Those that
 * leave get an id of ours, for two clients may use the same (RFC 6864 section 5.3.1).
 */
#include <rte_ip_frag.h>
#include <rte_jhash.h>

#include "packet/csum.h"
#include "worker/worker_priv.h"

#define PIECES_MAX 64 /* of what fits one mbuf, by an MTU of 68 */

static struct pst_frag_key
key_of(const struct job *job)
{
	return (struct pst_frag_key){ .src = job->v.src,
		.dst = job->v.dst,
		.id = job->v.ip->packet_id,
		.proto = job->v.proto,
		.way = job->way };
}

/* The worker where a datagram's fragments meet. */
static uint32_t
meeting_place(const struct pst_worker *w, const struct job *job)
{
	const struct pst_view *v = &job->v;

	if (job->way == PST_WAY_OUT)
		return pst_worker_owner_of(w, job);
	return rte_jhash_3words(v->src, v->dst, (uint32_t)v->ip->packet_id << 8 | v->proto, 0) %
		w->params.n_workers;
}

/* Nothing may be left of it when it is forgotten. */
static void
forget(struct pst_worker *w, struct pst_frag *f)
{
	struct rte_mbuf *m;

	while ((m = pst_frag_unhold(w->frags, f)) != NULL)
		drop(w, m, PST_DROP_FRAGMENT);
	pst_frags_forget(w->frags, f);
}

static struct pst_frag *
get_datagram(struct pst_worker *w, const struct job *job, uint64_t now_ms)
{
	struct pst_frag_key key = key_of(job);
	struct pst_frag *f = pst_frags_find(w->frags, &key);

	if (f != NULL)
		return f;
	f = pst_frags_add(w->frags, &key, now_ms);
	if (f != NULL)
		return f;
	/* the oldest gives way, unless it is one whose hairpin we are in */
	f = pst_frags_oldest(w->frags);
	if (f == NULL || f->busy)
		return NULL;
	forget(w, f);
	return pst_frags_add(w->frags, &key, now_ms);
}

/* The ports are known, on this worker or by the tag: to the port's owner, or through. */
static void
deal(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	uint32_t owner = pst_worker_owner_of(w, job);

	job->dealt = true;
	if (owner != w->params.index)
		pst_worker_hand_on(w, job, owner);
	else
		pst_worker_go(w, job, now_ms);
}

static void
deal_as(struct pst_worker *w, const struct pst_frag *f, struct job *job, uint64_t now_ms)
{
	job->v.sport = f->sport;
	job->v.dport = f->dport;
	if (job->way == PST_WAY_OUT)
		pst_worker_set_id(job->v.ip, f->new_id);
	deal(w, job, now_ms);
}

static bool
pass(struct pst_frag *f, const struct pst_view *v)
{
	uint16_t word = rte_be_to_cpu_16(v->ip->fragment_offset);

	return pst_frag_pass(f, (word & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS,
		v->l4_len, word & RTE_IPV4_HDR_MF_FLAG);
}

/* What came before the first fragment follows it. */
static void
release(struct pst_worker *w, struct pst_frag *f, const struct job *first, uint64_t now_ms)
{
	struct rte_mbuf *m;

	while ((m = pst_frag_unhold(w->frags, f)) != NULL) {
		struct job job = { .m = m,
			.iface = first->iface,
			.way = first->way,
			.second = first->second,
			.through = PST_SLOT_NONE };

		pst_view_parse(&job.v, m);
		deal_as(w, f, &job, now_ms);
	}
}

/* A fragment at its meeting place. */
static void
meet(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	struct pst_frag *f = get_datagram(w, job, now_ms);
	const struct pst_view *v = &job->v;
	bool is_first = v->kind == PST_VIEW_FIRST_FRAGMENT;

	if (f == NULL || !pass(f, v)) {
		drop(w, job->m, PST_DROP_FRAGMENT);
		return;
	}
	if (!f->known && !is_first) {
		if (!pst_frag_hold(w->frags, f, job->m))
			drop(w, job->m, PST_DROP_FRAGMENT);
		return;
	}
	if (is_first) {
		f->sport = v->sport;
		f->dport = v->dport;
		f->new_id = job->way == PST_WAY_OUT ? pst_worker_make_id(w) : 0;
		f->known = true;
	}
	f->busy = true;
	deal_as(w, f, job, now_ms);
	if (is_first)
		release(w, f, job, now_ms);
	f->busy = false;
	if (pst_frag_is_complete(f))
		pst_frags_forget(w->frags, f);
}

void
pst_worker_fragment(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms)
{
	const struct pst_tag *tag = pst_tag(job->m);
	uint32_t place;

	if (handed && tag->kind == PST_TAG_FRAGMENT) {
		job->v.sport = tag->sport;
		job->v.dport = tag->dport;
		job->dealt = true;
		pst_worker_go(w, job, now_ms);
		return;
	}
	place = meeting_place(w, job);
	if (place != w->params.index && !handed)
		pst_worker_hand_on(w, job, place);
	else
		meet(w, job, now_ms);
}

void
pst_worker_expire_fragments(struct pst_worker *w, uint64_t now_ms)
{
	struct pst_frag *f;

	while ((f = pst_frags_oldest(w->frags)) != NULL && f->due_ms <= now_ms)
		forget(w, f);
}

/* The library leaves the checksums to hardware. */
static void
finish_piece(struct pst_worker *w, struct rte_mbuf *m, const struct pst_next *next)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
	m->ol_flags = 0;
	m->port = w->params.net->ifaces[next->iface].port;
	pst_worker_pass_on(w, m, ip, next);
}

void
pst_worker_cut(struct pst_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct pst_next *next)
{
	uint16_t mtu = w->params.net->ifaces[next->iface].mtu;
	struct rte_mbuf *pieces[PIECES_MAX];
	int n;

	rte_pktmbuf_adj(m, (uint8_t *)ip - rte_pktmbuf_mtod(m, uint8_t *));
	rte_pktmbuf_trim(m, rte_pktmbuf_data_len(m) - rte_be_to_cpu_16(ip->total_length));
	if (!(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)))
		ip->packet_id = pst_worker_make_id(w);
	n = rte_ipv4_fragment_copy_nonseg_packet(m, pieces, PIECES_MAX, mtu, w->params.mbufs);
	if (n < 0) {
		drop(w, m, n == -ENOMEM ? PST_DROP_NO_MBUF : PST_DROP_MTU);
		return;
	}
	w->stats.account.originated[PST_ORIGINATED_FRAGMENT] += n - 1;
	for (int k = 0; k < n; k++)
		finish_piece(w, pieces[k], next);
	rte_pktmbuf_free(m);
}
