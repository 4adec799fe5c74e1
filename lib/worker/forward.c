/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet with its connection: translate, find the next hop, send. */
#include "packet/csum.h"
#include "packet/seq.h"
#include "worker/worker_priv.h"

static inline void
set_l4(const struct pst_view *v, enum pst_way way, rte_be16_t port, uint16_t delta)
{
	if (unlikely(v->kind == PST_VIEW_LATER_FRAGMENT))
		return; /* it has no such header */
	switch (v->proto) {
	case IPPROTO_TCP: {
		struct rte_tcp_hdr *tcp = v->l4;

		if (way == PST_WAY_OUT)
			tcp->src_port = port;
		else
			tcp->dst_port = port;
		tcp->cksum = pst_csum_apply(tcp->cksum, delta);
		break;
	}
	case IPPROTO_UDP: {
		struct rte_udp_hdr *udp = v->l4;

		if (way == PST_WAY_OUT)
			udp->src_port = port;
		else
			udp->dst_port = port;
		udp->dgram_cksum = pst_csum_apply_udp(udp->dgram_cksum, delta);
		break;
	}
	case IPPROTO_ICMP: {
		struct rte_icmp_hdr *icmp = v->l4;

		icmp->icmp_ident = port;
		icmp->icmp_cksum = pst_csum_apply(icmp->icmp_cksum, delta);
		break;
	}
	default: /* nothing of it is known, and it has no pseudo-header */
		break;
	}
}

/* What comes back by hairpin has been through here already: we are one hop, not two. */
static inline uint16_t
take_hop(const struct job *job)
{
	if (unlikely(job->second))
		return 0;
	job->v.ip->time_to_live--;
	return PST_CSUM_TTL_DELTA;
}

static inline void
translate(struct pst_worker *w, const struct job *job, const struct pst_conn *c)
{
	const struct pst_view *v = &job->v;
	enum pst_way way = (enum pst_way)job->way;
	/* the packet's own end, and the one that takes its place: ours on the way out */
	uint64_t own = c->local[way], end = c->local[pst_way_other(way)];
	uint32_t sum = pst_csum_add32(~pst_key_ip(own), pst_key_ip(end));

	if (way == PST_WAY_OUT) {
		if (pst_key_ip(end) != v->src) /* else nobody shares its address */
			pst_worker_renumber(w, v->ip);
		v->ip->src_addr = pst_key_ip(end);
	} else {
		v->ip->dst_addr = pst_key_ip(end);
	}
	v->ip->hdr_checksum = pst_csum_apply_sum(v->ip->hdr_checksum, sum, take_hop(job));
	if (v->proto == IPPROTO_ICMP) /* it has no pseudo-header: its identifier alone */
		sum = 0;
	sum = pst_csum_add32(sum, pst_csum_change16(pst_key_port(own), pst_key_port(end)));
	set_l4(v, way, pst_key_port(end), pst_csum_fold32(sum));
}

/* Another source (as on the way out) or destination, with the checksums. */
static void
set_end(const struct pst_view *v, enum pst_way way, uint64_t to)
{
	const struct rte_udp_hdr *udp = v->l4; /* TCP has its ports there too */
	rte_be16_t port = way == PST_WAY_OUT ? udp->src_port : udp->dst_port;
	rte_be32_t ip = way == PST_WAY_OUT ? v->ip->src_addr : v->ip->dst_addr;
	uint64_t sum = pst_csum_change32(ip, pst_key_ip(to));

	v->ip->hdr_checksum = pst_csum_apply(v->ip->hdr_checksum, pst_csum_fold(sum));
	sum += pst_csum_change16(port, pst_key_port(to));
	if (way == PST_WAY_OUT)
		v->ip->src_addr = pst_key_ip(to);
	else
		v->ip->dst_addr = pst_key_ip(to);
	set_l4(v, way, pst_key_port(to), pst_csum_fold(sum));
}

void
pst_worker_unalias(struct job *job, uint64_t remote)
{
	set_end(&job->v, PST_WAY_IN, remote);
	job->v.dst = pst_key_ip(remote);
	job->v.dport = pst_key_port(remote);
}

/* An answer: the client knows its peer by the alias. */
static void
put_alias(const struct pst_worker *w, const struct pst_view *v, const struct pst_conn *c)
{
	set_end(v, PST_WAY_OUT, pst_conn_rare_of(&w->nat->conns, c)->alias);
}

const struct pst_route *
pst_worker_find_hop(const struct pst_worker *w, enum pst_way way, rte_be32_t dst,
	rte_be32_t *next_hop, struct pst_hop *hop)
{
	const struct pst_route *route = pst_net_lookup(w->params.net,
		way == PST_WAY_OUT ? PST_NET_EXTERNAL : PST_NET_INTERNAL, dst);

	if (route == NULL)
		return NULL;
	*next_hop = route->via != 0 ? route->via : dst;
	if (!pst_neigh_lookup(w->params.net->neigh, route->iface, *next_hop, hop))
		hop->tag = 0;
	return route;
}

/*
 * The next hop of a connection's way, by its routes. Returns the route's
 * interface or PST_NO_IFACE; *next_hop is the neighbour's address. hop is set when the
 * neighbour is known.
 */
static uint16_t
resolve(struct pst_worker *w, struct pst_conn *c, enum pst_way way, rte_be32_t *next_hop)
{
	rte_be32_t dst = way == PST_WAY_OUT ? pst_key_ip(c->remote) :
					      pst_key_ip(c->local[PST_WAY_OUT]);
	const struct pst_route *route =
		pst_worker_find_hop(w, way, dst, next_hop, &c->hop[way]);

	return route != NULL ? route->iface : PST_NO_IFACE;
}

void
pst_worker_route(struct pst_worker *w, struct job *job, enum pst_net_zone zone)
{
	const struct pst_route *route = pst_net_lookup(w->params.net, zone, job->v.ip->dst_addr);
	struct pst_next next = { 0 };
	struct pst_hop hop;

	if (route == NULL) {
		drop(w, job->m, PST_DROP_NO_ROUTE);
		return;
	}
	next.iface = route->iface;
	next.ip = route->via != 0 ? route->via : job->v.ip->dst_addr;
	if (pst_neigh_lookup(w->params.net->neigh, next.iface, next.ip, &hop))
		next.word = pst_neigh_word(w->params.net->neigh, hop);
	pst_worker_pass_on(w, job->m, job->v.ip, &next);
}

/* Too big to leave, and not to be cut (RFC 4787 REQ-13, RFC 1191): said to the sender. */
static bool
is_too_big(struct pst_worker *w, struct job *job, const struct pst_iface *out, uint64_t now_ms)
{
	if (likely(pst_view_ip_len(&job->v) <= out->mtu))
		return false;
	if (!(job->v.ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))
		return false;
	pst_worker_error(w, job, PST_ICMP_TOO_BIG, out->mtu, now_ms);
	drop(w, job->m, PST_DROP_MTU);
	return true;
}

static void
send_translated(struct pst_worker *w, struct job *job, const struct pst_conn *c,
	const struct pst_next *next)
{
	translate(w, job, c);
	if (unlikely(c->flags & PST_CONN_ALIASED) && job->way == PST_WAY_IN)
		put_alias(w, &job->v, c);
	pst_worker_pass_on(w, job->m, job->v.ip, next);
}

static void
send_unresolved(struct pst_worker *w, struct job *job, struct pst_conn *c, uint64_t now_ms)
{
	struct pst_next next = { 0 };

	next.iface = resolve(w, c, job->way, &next.ip);
	if (next.iface == PST_NO_IFACE) {
		pst_worker_error(w, job, PST_ICMP_NET_UNREACHABLE, 0, now_ms);
		drop(w, job->m, PST_DROP_NO_ROUTE);
		return;
	}
	next.word = pst_neigh_word(w->params.net->neigh, c->hop[job->way]);
	if (!is_too_big(w, job, &w->params.net->ifaces[next.iface], now_ms))
		send_translated(w, job, c, &next);
}

void
pst_worker_finish(struct pst_worker *w, struct job *job, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	struct pst_neigh_table *neigh = w->params.net->neigh;
	struct pst_hop hop = c->hop[job->way];
	struct pst_next next = { .word = pst_neigh_word(neigh, hop) };

	if (unlikely(c->flags & PST_CONN_HAIRPIN) && job->way == PST_WAY_OUT) {
		translate(w, job, c);
		pst_worker_turn(w, job->m, job->v.ip, now_ms);
		return;
	}
	if (unlikely(next.word == 0)) {
		send_unresolved(w, job, c, now_ms);
		return;
	}
	next.iface = pst_neigh_iface(neigh, hop);
	if (!is_too_big(w, job, &w->params.net->ifaces[next.iface], now_ms))
		send_translated(w, job, c, &next);
}

/* What an editor left behind: all later bytes are so many further on (RFC 2018 too). */
static void
shift_sequence(const struct pst_worker *w, const struct job *job, uint32_t i)
{
	const struct pst_conn *c = &w->nat->conns.hot[i];
	const int32_t *offset = pst_conn_rare_of(&w->nat->conns, c)->offset;
	enum pst_dir dir = pst_conn_dir(c, job->way);

	pst_seq_shift(job->v.l4, offset[dir], -offset[pst_dir_other(dir)]);
}

/* The last hop of its life; the sender hears of it. */
static bool
is_at_end(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	if (likely(job->v.ip->time_to_live > 1) || job->second)
		return false;
	pst_worker_error(w, job, PST_ICMP_TTL_EXCEEDED, 0, now_ms);
	drop(w, job->m, PST_DROP_TTL);
	return true;
}

static bool
is_piece(const struct pst_view *v)
{
	return v->kind == PST_VIEW_FIRST_FRAGMENT || v->kind == PST_VIEW_LATER_FRAGMENT;
}

/* Does the receiver expect this segment? What an editor moves it alone can tell. */
static bool
is_expected(struct pst_worker *w, const struct job *job, uint32_t i)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	const struct rte_tcp_hdr *tcp = job->v.l4;

	if (job->v.proto != IPPROTO_TCP || job->v.kind != PST_VIEW_L4 ||
		(job->v.tcp_flags & RTE_TCP_SYN_FLAG) ||
		(c->flags & (PST_CONN_WATCHED | PST_CONN_OFFSET)))
		return true;
	return pst_tcp_window_pass(&c->window, &c->learnt, (enum pst_way)job->way, tcp,
		job->v.tcp_flags, job->v.l4_len - (tcp->data_off >> 4) * 4);
}

/* A SYN of a connection that opens begins its windows. */
static void
begin_windows(struct pst_worker *w, const struct job *job, uint32_t i)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	const struct rte_tcp_hdr *tcp = job->v.l4;
	enum pst_way way = (enum pst_way)job->way;
	bool begins = pst_conn_dir(c, way) == PST_DIR_ORIG &&
		!(job->v.tcp_flags & RTE_TCP_ACK_FLAG);

	if (pst_fsm_timeout(PST_TCP, c->state) == PST_TIMEOUT_TCP_OPENING)
		pst_tcp_window_syn(&c->window, &c->learnt, way, begins, tcp,
			job->v.l4_len - (tcp->data_off >> 4) * 4);
}

/* State and timer; false: the packet was dropped. */
static bool
move(struct pst_worker *w, struct job *job, uint32_t i, uint64_t now_ms)
{
	enum pst_drop why;

	if (unlikely(!is_expected(w, job, i))) {
		if (w->nat->params->lenient_windows)
			return true;
		drop(w, job->m, PST_DROP_TCP_WINDOW);
		return false;
	}
	if (unlikely(!pst_nat_touch(w->nat, i, job->way, job->v.tcp_flags, now_ms, &why))) {
		drop(w, job->m, why);
		return false;
	}
	if (unlikely(job->v.tcp_flags & RTE_TCP_SYN_FLAG) && job->v.kind == PST_VIEW_L4)
		begin_windows(w, job, i);
	return true;
}

bool
pst_worker_is_conflict(
	const struct pst_worker *w, const struct job *job, const struct pst_conn *c)
{
	return unlikely(c->flags & PST_CONN_ALIASED) && job->way == PST_WAY_OUT &&
		job->through == PST_SLOT_NONE &&
		pst_conn_permission(&w->nat->conns, c) != PST_SLOT_NONE;
}

void
pst_worker_forward(struct pst_worker *w, struct job *job, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &w->nat->conns.hot[i];

	if (unlikely(is_at_end(w, job, now_ms)))
		return;
	if (unlikely(pst_worker_is_conflict(w, job, c))) {
		drop(w, job->m, PST_DROP_CONFLICT);
		return;
	}
	if (unlikely(c->flags & (PST_CONN_WATCHED | PST_CONN_OFFSET | PST_CONN_KNOWN)) &&
		pst_nat_begins_anew(c, job->way, job->v.tcp_flags)) {
		pst_nat_close(w->nat, i, now_ms);
		pst_worker_open(w, job, now_ms);
		return;
	}
	/* an editor reads nothing from a piece, and the rest would make no sense to it */
	if (unlikely((c->flags & PST_CONN_WATCHED) && is_piece(&job->v))) {
		drop(w, job->m, PST_DROP_FRAGMENT);
		return;
	}
	if (unlikely(!move(w, job, i, now_ms)))
		return;
	pst_conn_count(c, job->way, pst_view_ip_len(&job->v));
	if (unlikely(job->v.tcp_flags & RTE_TCP_SYN_FLAG))
		pst_worker_clamp_mss(w, job, c);
	if (unlikely(c->flags & (PST_CONN_WATCHED | PST_CONN_OFFSET))) {
		if (c->flags & PST_CONN_WATCHED) {
			pst_worker_divert(w, job, i);
			return;
		}
		if (job->v.kind != PST_VIEW_LATER_FRAGMENT)
			shift_sequence(w, job, i);
	}
	pst_worker_finish(w, job, i, now_ms);
}

/* The operator reads of it in the log; where main is behind, the counters alone tell. */
static void
tell_refused(struct pst_worker *w, const struct job *job, enum pst_drop why, int rule)
{
	struct pst_evt evt = { .type = PST_EVT_REFUSED,
		.protocol = job->v.proto,
		.why = why,
		.cookie = (int64_t)rule,
		.ref = { .gen = w->nat->params->generation },
		.client = { rte_be_to_cpu_32(job->v.src), rte_be_to_cpu_16(job->v.sport) },
		.remote = { rte_be_to_cpu_32(job->v.dst), rte_be_to_cpu_16(job->v.dport) } };

	enum pst_record_kind kind = why == PST_DROP_RULE || why == PST_DROP_PACKET_FILTER ?
		PST_RECORD_FILTER_BIT :
		PST_RECORD_LIMIT_BIT;

	/* half of the ring is for what must not be missed */
	if (w->params.main->events != NULL && pst_chan_has_event_room(w->params.main))
		pst_chan_tell(w->params.main, &evt);
	else if (pst_record_is_wanted(w->nat->log, UINT32_C(1) << kind))
		pst_record_count_lost(w->nat->log, kind);
}

/* What the sender is told when no connection can be made, and the operator (RFC 6888 REQ-11). */
static void
refuse(struct pst_worker *w, struct job *job, enum pst_drop why, int rule, uint64_t now_ms)
{
	switch (why) {
	case PST_DROP_RULE:
	case PST_DROP_PACKET_FILTER:
	case PST_DROP_NO_PORT:
	case PST_DROP_NO_BIND:
	case PST_DROP_NO_CLIENT:
	case PST_DROP_NO_CONNECTION:
	case PST_DROP_CLIENT_PORTS:
	case PST_DROP_CLIENT_SESSIONS:
	case PST_DROP_CLIENT_RATE:
	case PST_DROP_PEER_USED:
	case PST_DROP_EDITOR_FULL:
		tell_refused(w, job, why, rule);
		if (job->way == PST_WAY_OUT) /* RFC 5508 REQ-8, RFC 6888 REQ-11 */
			pst_worker_error(w, job, PST_ICMP_PROHIBITED, 0, now_ms);
		break;
	case PST_DROP_NO_ROUTE:
		pst_worker_error(w, job, PST_ICMP_NET_UNREACHABLE, 0, now_ms);
		break;
	case PST_DROP_NO_MAPPING:
	case PST_DROP_FILTERED:
		if (job->way == PST_WAY_IN)
			pst_worker_hold_syn(w, job, now_ms);
		break;
	default:
		break;
	}
	drop(w, job->m, why);
}

/* From inside: somewhere outside that there is a way to? PST_DROP_COUNT if so. */
static enum pst_drop
check_destination(const struct pst_worker *w, const struct job *job, bool *is_hairpin)
{
	*is_hairpin = pst_net_is_outside(w->params.net, job->v.dst);
	if (*is_hairpin)
		return w->params.net->hairpin ? PST_DROP_COUNT : PST_DROP_HAIRPIN;
	if (pst_net_lookup(w->params.net, PST_NET_EXTERNAL, job->v.dst) == NULL)
		return PST_DROP_NO_ROUTE;
	return PST_DROP_COUNT;
}

/* The port is of our runs, and another worker's client has it. */
static void
redirect(struct pst_worker *w, struct job *job, uint32_t to)
{
	if (to == w->params.index) {
		drop(w, job->m, PST_DROP_NO_MAPPING);
		return;
	}
	pst_worker_hand_on(w, job, to);
}

/* The fast path goes by the port alone; the address may tell of another worker's client. */
static bool
is_misplaced(const struct pst_worker *w, const struct job *job, uint32_t *owner)
{
	rte_be32_t host;

	if (job->way == PST_WAY_OUT || !pst_net_is_routed(w->params.net, job->v.dst, &host))
		return false;
	*owner = pst_worker_owner_of(w, job);
	return *owner != w->params.index;
}

struct pst_nat_packet
pst_worker_packet_of(const struct job *job, uint64_t now_ms)
{
	return (struct pst_nat_packet){ .key = job->key,
		.proto = job->v.proto,
		.tcp_flags = job->v.tcp_flags,
		.is_query = job->v.proto == IPPROTO_ICMP &&
			((const struct rte_icmp_hdr *)job->v.l4)->icmp_type ==
				RTE_IP_ICMP_ECHO_REQUEST,
		.now_ms = now_ms,
		.through = job->through,
		.filter = PST_PACKET_FILTER_NONE,
		.rule = -1,
		.redirect = -1 };
}

enum pst_drop
pst_worker_may_open(const struct pst_worker *w, const struct job *job, struct pst_nat_packet *p,
	bool *is_hairpin)
{
	*is_hairpin = job->second;
	/* what comes back by hairpin has passed on its way out */
	if (!job->second && !pst_nat_ask_filters(w->nat, (enum pst_way)job->way, p))
		return PST_DROP_PACKET_FILTER;
	return job->way == PST_WAY_OUT ? check_destination(w, job, is_hairpin) : PST_DROP_COUNT;
}

void
pst_worker_open(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	struct pst_nat_packet p = pst_worker_packet_of(job, now_ms);
	enum pst_drop why;
	uint32_t i = PST_SLOT_NONE, owner;
	bool is_hairpin;

	if (unlikely(is_misplaced(w, job, &owner))) {
		pst_worker_hand_on(w, job, owner);
		return;
	}
	if (is_at_end(w, job, now_ms))
		return;
	if (job->v.kind == PST_VIEW_LATER_FRAGMENT) { /* what began it opened nothing */
		drop(w, job->m, PST_DROP_FRAGMENT);
		return;
	}
	why = pst_worker_may_open(w, job, &p, &is_hairpin);
	pst_nat_count_filter(w->nat, &p);
	if (why == PST_DROP_COUNT)
		i = job->way == PST_WAY_OUT ? pst_nat_open_out(w->nat, &p, &why) :
					      pst_nat_open_in(w->nat, &p, &why);
	if (i == PST_SLOT_NONE && job->way == PST_WAY_IN && p.redirect >= 0) {
		redirect(w, job, p.redirect);
		return;
	}
	if (i == PST_SLOT_NONE) {
		refuse(w, job, why, why == PST_DROP_PACKET_FILTER ? p.filter : p.rule, now_ms);
		return;
	}
	if (unlikely(is_hairpin))
		w->nat->conns.hot[i].flags |= PST_CONN_HAIRPIN;
	pst_worker_forward(w, job, i, now_ms);
}
