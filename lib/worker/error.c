/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors: our own, and those that others send about packets of our connections.
 *
 * An error quotes the packet that it is about as that one looked where it got lost: from outside
 * translated, from inside not yet. The quote is put back as its sender knows it
 * (RFC 5508 REQ-4 and REQ-5): addresses, port, checksums, and the sequence number that an
 * editor moved. The error itself goes to the quoted sender; one from inside leaves with the
 * connection's outside address, whichever router inside made it. Errors move no state and refresh
 * nothing (REQ-6, RFC 4787 REQ-12, RFC 5382 REQ-10).
 */
#include "packet/csum.h"
#include "worker/worker_priv.h"

#define ICMP_ERRORS_PER_S 1000 /* RFC 1812 section 4.3.2.8; RFC 4443's way of saying it */

void
pst_worker_error(struct pst_worker *w, const struct job *job, enum pst_icmp_error error,
	uint16_t mtu, uint64_t now_ms)
{
	struct rte_mbuf *m;

	if (now_ms / 1000 != w->icmp_second) {
		w->icmp_second = now_ms / 1000;
		w->icmp_budget = ICMP_ERRORS_PER_S;
	}
	if (w->icmp_budget == 0 || !pst_reply_may_answer(&job->v))
		return;
	m = rte_pktmbuf_alloc(w->params.mbufs);
	if (m == NULL)
		return;
	w->icmp_budget--;
	pst_reply_error(m, &job->v, &w->params.net->ifaces[job->iface], error, mtu);
	w->stats.account.originated[PST_ORIGINATED_ICMP]++;
	if (unlikely(job->second)) /* its sender is a client of ours */
		pst_worker_again(w, m, false, now_ms);
	else
		pst_worker_send(w, m, job->iface);
}

/* The connection that a quoted packet is of, or PST_SLOT_NONE. */
static uint32_t
find_quoted(const struct pst_worker *w, const struct pst_quote *q, enum pst_way way)
{
	struct pst_flow_key key;
	uint32_t found;

	/* it went the other way: its source is our end of what came back from outside */
	if (way == PST_WAY_IN)
		key = pst_key_conn(way, q->proto, q->src, q->sport, q->dst, q->dport);
	else
		key = pst_key_conn(way, q->proto, q->dst, q->dport, q->src, q->sport);
	if (q->proto == IPPROTO_ICMP)
		key.a = pst_key_end(pst_key_ip(key.a), 0, PST_ICMP);
	found = pst_conn_lookup(&w->nat->conns, pst_flow_hash(&w->nat->conns.flows, key), key);
	return found != PST_FLOW_NONE ? found >> 1 : PST_SLOT_NONE;
}

/* A field of the quoted L4 header, if the quote goes that far. */
static rte_be16_t *
quoted_field(const struct pst_quote *q, size_t offset)
{
	if (offset + sizeof(rte_be16_t) > q->l4_len)
		return NULL;
	return (rte_be16_t *)((uint8_t *)q->l4 + offset);
}

static void
fix_quoted_csum(const struct pst_quote *q, uint16_t delta)
{
	rte_be16_t *field;

	if (q->proto == IPPROTO_TCP) {
		field = quoted_field(q, offsetof(struct rte_tcp_hdr, cksum));
		if (field != NULL)
			*field = pst_csum_apply(*field, delta);
	} else if (q->proto == IPPROTO_UDP) {
		field = quoted_field(q, offsetof(struct rte_udp_hdr, dgram_cksum));
		if (field != NULL)
			*field = pst_csum_apply_udp(*field, delta);
	} else if (q->proto == IPPROTO_ICMP) {
		field = quoted_field(q, offsetof(struct rte_icmp_hdr, icmp_cksum));
		*field = pst_csum_apply(*field, delta);
	}
}

/* Put another end in place of the quoted source or destination. */
static void
set_quoted_end(const struct pst_quote *q, bool is_source, uint64_t end)
{
	struct rte_udp_hdr *udp = q->l4; /* TCP has its ports there too */
	struct rte_icmp_hdr *icmp = q->l4;
	rte_be32_t ip = is_source ? q->ip->src_addr : q->ip->dst_addr;
	rte_be16_t *port = q->proto == IPPROTO_ICMP ? &icmp->icmp_ident :
		is_source			    ? &udp->src_port :
						      &udp->dst_port;
	uint64_t sum = pst_csum_change32(ip, pst_key_ip(end));
	uint64_t port_sum = pst_csum_change16(*port, pst_key_port(end));

	q->ip->hdr_checksum = pst_csum_apply(q->ip->hdr_checksum, pst_csum_fold(sum));
	/* ICMP has no pseudo-header */
	if (q->proto == IPPROTO_ICMP)
		sum = 0;
	fix_quoted_csum(q, pst_csum_fold(sum + port_sum));
	if (is_source)
		q->ip->src_addr = pst_key_ip(end);
	else
		q->ip->dst_addr = pst_key_ip(end);
	if (!pst_view_is_portless(q->proto))
		*port = pst_key_port(end);
}

/* What an editor added to the stream is taken off the quoted sequence number again. */
static void
unshift(const struct pst_worker *w, const struct pst_quote *q, const struct pst_conn *c,
	enum pst_dir dir)
{
	struct rte_tcp_hdr *tcp = q->l4;
	rte_be32_t was = tcp->sent_seq;
	uint32_t offset = pst_conn_rare_of(&w->nat->conns, c)->offset[dir];
	uint32_t now = rte_be_to_cpu_32(was) - offset;

	tcp->sent_seq = rte_cpu_to_be_32(now);
	fix_quoted_csum(q, pst_csum_fold(pst_csum_change32(was, tcp->sent_seq)));
}

/* The quote as its sender knows it, and the error's own addresses. */
static void
put_back(struct pst_worker *w, struct job *job, const struct pst_quote *q, uint32_t i)
{
	const struct pst_conn *c = &w->nat->conns.hot[i];
	enum pst_way quoted_way = pst_way_other((enum pst_way)job->way);
	struct rte_ipv4_hdr *ip = job->v.ip;
	struct rte_icmp_hdr *icmp = job->v.l4;

	if (c->flags & PST_CONN_OFFSET)
		unshift(w, q, c, pst_conn_dir(c, quoted_way));
	if (job->way == PST_WAY_IN) {
		set_quoted_end(q, true, c->local[PST_WAY_OUT]);
		if (c->flags & PST_CONN_ALIASED)
			set_quoted_end(q, false, pst_conn_rare_of(&w->nat->conns, c)->alias);
		ip->dst_addr = pst_key_ip(c->local[PST_WAY_OUT]);
	} else {
		set_quoted_end(q, false, c->local[PST_WAY_IN]);
		ip->src_addr = pst_key_ip(c->local[PST_WAY_IN]);
	}
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = ~rte_raw_cksum(icmp, job->v.l4_len);
	ip->time_to_live -= !job->second;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

/* The port belongs to a client of another worker: it has the connection. */
static bool
is_elsewhere(struct pst_worker *w, const struct pst_quote *q, uint32_t *to)
{
	return pst_nat_is_redirected(w->nat, pst_key_end(q->src, q->sport, q->proto), to) &&
		*to != w->params.index;
}

void
pst_worker_relay_error(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	struct pst_quote q;
	uint32_t i = PST_SLOT_NONE, to;

	/* RFC 5508 REQ-3 to REQ-5; an error goes to whom it quotes */
	if (pst_view_quote(&job->v, &q) && q.src == job->v.dst)
		i = find_quoted(w, &q, (enum pst_way)job->way);
	if (i == PST_SLOT_NONE && q.src == job->v.dst && job->way == PST_WAY_IN &&
		is_elsewhere(w, &q, &to)) {
		pst_worker_hand_on(w, job, to);
		return;
	}
	if (i == PST_SLOT_NONE) {
		drop(w, job->m, PST_DROP_ICMP_ERROR);
		return;
	}
	if (job->v.ip->time_to_live <= 1 && !job->second) {
		drop(w, job->m, PST_DROP_TTL);
		return;
	}
	put_back(w, job, &q, i);
	if (job->way == PST_WAY_IN)
		pst_worker_route(w, job, PST_NET_INTERNAL);
	else if (w->nat->conns.hot[i].flags & PST_CONN_HAIRPIN)
		pst_worker_turn(w, job->m, job->v.ip, now_ms);
	else
		pst_worker_route(w, job, PST_NET_EXTERNAL);
}
