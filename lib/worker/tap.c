/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's side of a tap (chan/tap.h): a packet goes its way, and what changed is looked at. */
#include <string.h>

#include <rte_cycles.h>

#include "worker/worker_priv.h"

#define VLAN_ID 0x0fff
#define SENT_MOST 64 /* frames of one packet that are looked at: pieces, and an answer */
/* A tag's cookie, for who takes the packet over; from the top: that it is one, iface, WANTED, id */
#define COOKIE UINT64_C(0x7a9)
#define COOKIE_SHIFT 52
#define COOKIE_IFACE_SHIFT 36
#define WANTED (UINT64_C(1) << 35) /* its other side is captured */

/* What a worker has done so far, to see what one packet adds. */
struct mark {
	uint64_t dropped[PST_DROP_COUNT];
	uint64_t consumed[PST_CONSUMED_COUNT];
	uint32_t to_main;
	uint32_t tx[PST_NET_PORTS], out[PST_WORKERS_MAX], lent[PST_EDITORS_MAX]; /* queued */
};

static void
fill(const struct pst_tap *tap, struct pst_tap_record *r, const struct rte_mbuf *m, uint16_t iface)
{
	r->tsc = rte_rdtsc();
	r->id = tap->id;
	r->len = rte_pktmbuf_pkt_len(m);
	r->caplen = RTE_MIN((uint32_t)rte_pktmbuf_data_len(m), tap->params.snap);
	r->iface = iface;
	memcpy(r->bytes, rte_pktmbuf_mtod(m, const void *), r->caplen);
}

static void
write_record(struct pst_tap *tap, struct pst_tap_record *r, enum pst_tap_fate fate, uint16_t to)
{
	r->fate = fate;
	r->to = to;
	pst_tap_write(tap, r);
}

static bool
is_wanted(const struct pst_tap *tap, const struct rte_mbuf *m)
{
	const struct pst_tap_params *p = &tap->params;

	return p->filter == NULL || p->matches(p->filter, rte_pktmbuf_mtod(m, const uint8_t *),
					    rte_pktmbuf_pkt_len(m), rte_pktmbuf_data_len(m));
}

/* The VLAN id that a frame has, in itself or in its metadata; 0: none. */
static uint16_t
vlan_of(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const void *)(eth + 1);

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return m->vlan_tci & VLAN_ID;
	if (rte_pktmbuf_data_len(m) < sizeof(*eth) + sizeof(*tag) ||
		eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
		return 0;
	return rte_be_to_cpu_16(tag->vlan_tci) & VLAN_ID;
}

static uint16_t
iface_of(const struct pst_worker *w, uint16_t port, const struct rte_mbuf *m)
{
	return pst_net_iface(w->params.net, port, vlan_of(m));
}

/* Room for what a packet makes, so that it is still queued when it is looked at. */
static void
make_room(struct pst_worker *w)
{
	for (uint32_t k = 0; k < w->params.n_ports; k++) {
		if (w->tx[w->params.port_ids[k]].n > 0)
			pst_worker_flush_port(w, w->params.port_ids[k]);
	}
	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		if (w->out[k].n > PST_BURST / 2)
			pst_worker_flush(w);
	}
}

static void
set_mark(const struct pst_worker *w, struct mark *mark)
{
	memcpy(mark->dropped, w->stats.account.dropped, sizeof(mark->dropped));
	memcpy(mark->consumed, w->stats.account.consumed, sizeof(mark->consumed));
	mark->to_main = w->params.main->to_asker->prod.tail; /* that only we move */
	for (uint32_t k = 0; k < w->params.n_ports; k++)
		mark->tx[k] = w->tx[w->params.port_ids[k]].n;
	for (uint32_t k = 0; k < w->params.n_workers; k++)
		mark->out[k] = w->out[k].n;
	for (uint32_t k = 0; k < w->params.n_editors; k++)
		mark->lent[k] = w->lent[k].n;
}

/* A frame that was queued since the mark. */
struct sent {
	struct rte_mbuf *m;
	uint16_t iface;
	bool elsewhere; /* by another worker's queue: it is for that one to copy */
};

static uint32_t
find_sent(const struct pst_worker *w, const struct mark *mark, struct sent *sent)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		for (uint32_t i = mark->out[k]; i < w->out[k].n && n < SENT_MOST; i++) {
			const struct pst_tag *tag = pst_tag(w->out[k].packets[i]);

			if (tag->kind == PST_TAG_SEND)
				sent[n++] = (struct sent){ w->out[k].packets[i], tag->iface, true };
		}
	}
	for (uint32_t k = 0; k < w->params.n_ports; k++) {
		uint16_t port = w->params.port_ids[k];

		for (uint32_t i = mark->tx[k]; i < w->tx[port].n && n < SENT_MOST; i++) {
			struct rte_mbuf *m = w->tx[port].packets[i];

			sent[n++] = (struct sent){ m, iface_of(w, port, m), false };
		}
	}
	return n;
}

/* The first of the counts that has grown, or -1. */
static int
find_grown(const uint64_t *before, const uint64_t *now, int n)
{
	for (int k = 0; k < n; k++) {
		if (before[k] != now[k])
			return k;
	}
	return -1;
}

/* iface: that it came in by; PST_NO_IFACE: it is made. */
static void
follow(const struct pst_tap *tap, struct pst_tag *tag, uint16_t iface)
{
	tag->cookie = COOKIE << COOKIE_SHIFT | (uint64_t)iface << COOKIE_IFACE_SHIFT | tap->id;
}

void
pst_tap_follow(const struct pst_worker *w, struct pst_tag *tag)
{
	follow(w->tap, tag, w->tap->copy->iface);
}

/* The tag of one that was handed on, or NULL. */
static const struct pst_tag *
find_handed(struct pst_worker *w, const struct mark *mark, bool is_made, uint16_t *to)
{
	const struct pst_tag *found = NULL;

	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		for (uint32_t i = mark->out[k]; i < w->out[k].n; i++) {
			struct pst_tag *tag = pst_tag(w->out[k].packets[i]);

			follow(w->tap, tag, is_made ? PST_NO_IFACE : w->tap->copy->iface);
			*to = k;
			found = tag;
		}
	}
	return found;
}

static bool
is_lent(const struct pst_worker *w, const struct mark *mark)
{
	for (uint32_t k = 0; k < w->params.n_editors; k++) {
		if (w->lent[k].n != mark->lent[k])
			return true;
	}
	return false;
}

/* What became of it, of what it changed. */
static enum pst_tap_fate
judge(struct pst_worker *w, const struct mark *mark, const struct sent *sent, uint32_t n_sent,
	uint16_t *to)
{
	int k = find_grown(mark->dropped, w->stats.account.dropped, PST_DROP_COUNT);
	int c = find_grown(mark->consumed, w->stats.account.consumed, PST_CONSUMED_COUNT);
	const struct pst_tag *tag;

	*to = 0;
	tag = find_handed(w, mark, k >= 0 || c >= 0, to);
	if (k >= 0 || c >= 0) {
		*to = k >= 0 ? k : c;
		return k >= 0 ? PST_TAP_DROPPED : PST_TAP_CONSUMED;
	}
	if (tag != NULL && tag->kind == PST_TAG_SEND) { /* by another worker's queue */
		*to = tag->iface;
		return PST_TAP_SENT;
	}
	if (tag != NULL) /* who begins anew with it, tells of it */
		return tag->kind == PST_TAG_HAIRPIN ? PST_TAP_HANDED : PST_TAP_RESTARTS;
	if (is_lent(w, mark))
		return PST_TAP_LENT;
	if (n_sent > 0) {
		*to = sent[0].iface;
		return PST_TAP_SENT;
	}
	return w->params.main->to_asker->prod.tail != mark->to_main ? PST_TAP_MAIN : PST_TAP_HELD;
}

static bool
is_by_iface(const struct pst_tap *tap, const struct sent *sent, uint32_t n_sent)
{
	bool found = tap->params.iface == PST_TAP_ANY_IFACE ||
		tap->params.iface == tap->copy->iface;

	for (uint32_t k = 0; k < n_sent; k++)
		found |= sent[k].iface == tap->params.iface;
	return found;
}

static void
write_sent(struct pst_tap *tap, const struct sent *sent, uint32_t n_sent, enum pst_tap_fate fate,
	uint16_t from)
{
	for (uint32_t k = 0; k < n_sent; k++) {
		if (sent[k].elsewhere) {
			pst_tag(sent[k].m)->cookie |= WANTED;
			continue;
		}
		fill(tap, tap->record, sent[k].m, sent[k].iface);
		write_record(tap, tap->record, fate, from);
	}
}

/* What was handed to us has an id, if who had it has a tap, too. */
static bool
has_id(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	return pst_tag((struct rte_mbuf *)(uintptr_t)m)->cookie >> COOKIE_SHIFT == COOKIE &&
		eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP); /* main's own */
}

/* Returns the iface by which it came in elsewhere, if it has an id. */
static uint16_t
set_id(struct pst_tap *tap, struct rte_mbuf *m, bool has)
{
	uint64_t cookie = pst_tag(m)->cookie;

	if (!has) {
		tap->id = pst_tap_id(tap);
		return PST_NO_IFACE;
	}
	tap->id = cookie & (WANTED - 1);
	return cookie >> COOKIE_IFACE_SHIFT;
}

void
pst_tap_packet(
	struct pst_worker *w, struct rte_mbuf *m, bool handed, pst_tap_go go, uint64_t now_ms)
{
	struct pst_tap *tap = w->tap;
	struct sent sent[SENT_MOST];
	enum pst_tap_fate fate;
	struct mark mark;
	uint32_t n_sent;
	bool wanted;
	uint16_t to;

	set_id(tap, m, handed && has_id(m));
	fill(tap, tap->copy, m, iface_of(w, m->port, m));
	wanted = is_wanted(tap, m);
	make_room(w);
	set_mark(w, &mark);
	go(w, m, handed, now_ms);
	n_sent = find_sent(w, &mark, sent);
	fate = judge(w, &mark, sent, n_sent, &to);
	for (uint32_t k = 0; k < n_sent; k++)
		wanted |= is_wanted(tap, sent[k].m);
	if (!wanted || !is_by_iface(tap, sent, n_sent) || fate == PST_TAP_RESTARTS)
		return;
	write_record(tap, tap->copy, fate, to);
	write_sent(tap, sent, n_sent, fate == PST_TAP_SENT ? PST_TAP_LEFT : PST_TAP_MADE,
		tap->copy->iface);
}

void
pst_tap_made(struct pst_worker *w, struct rte_mbuf *m, enum pst_tap_fate fate, pst_tap_go go,
	uint64_t now_ms)
{
	struct pst_tap *tap = w->tap;
	bool is_old = fate != PST_TAP_EDITED && has_id(m);
	bool wanted = is_old && (pst_tag(m)->cookie & WANTED);
	struct sent sent[SENT_MOST];
	struct mark mark;
	uint32_t n_sent;
	uint16_t from;

	from = tap->copy->iface = set_id(tap, m, is_old);
	make_room(w);
	set_mark(w, &mark);
	go(w, m, false, now_ms);
	n_sent = find_sent(w, &mark, sent);
	for (uint32_t k = 0; k < n_sent; k++)
		wanted |= is_wanted(tap, sent[k].m) &&
			(tap->params.iface == PST_TAP_ANY_IFACE ||
				tap->params.iface == sent[k].iface);
	if (wanted)
		write_sent(tap, sent, n_sent, from != PST_NO_IFACE ? PST_TAP_LEFT : fate, from);
}
