/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explaining a packet to the operator (chan/explain.h): one is made, and sorted, looked up and
 * decided on as if it had come in. Nothing of the worker is written, and no packet leaves.
 */
#include <string.h>

#include "worker/worker_priv.h"

#define TTL 64

/* A packet that is on no queue; what its frame has lies without gaps. */
struct made {
	struct rte_mbuf m;
	struct {
		uint8_t gap[2]; /* so that the IP header is aligned */
		struct rte_ether_hdr eth;
		struct rte_ipv4_hdr ip;
		union {
			struct rte_tcp_hdr tcp;
			struct rte_udp_hdr udp;
			struct rte_icmp_hdr icmp;
		};
	} frame;
};

static uint32_t
make_l4(struct made *made, const struct pst_explain *x)
{
	rte_be16_t from = rte_cpu_to_be_16(x->source.port);
	rte_be16_t to = rte_cpu_to_be_16(x->destination.port);

	switch (x->protocol) {
	case IPPROTO_TCP:
		made->frame.tcp = (struct rte_tcp_hdr){ .src_port = from,
			.dst_port = to,
			.data_off = sizeof(struct rte_tcp_hdr) / 4 << 4,
			.tcp_flags = RTE_TCP_SYN_FLAG };
		return sizeof(struct rte_tcp_hdr);
	case IPPROTO_UDP:
		made->frame.udp = (struct rte_udp_hdr){ .src_port = from,
			.dst_port = to,
			.dgram_len = RTE_BE16(sizeof(struct rte_udp_hdr)) };
		return sizeof(struct rte_udp_hdr);
	case IPPROTO_ICMP:
		made->frame.icmp = (struct rte_icmp_hdr){ .icmp_ident = from,
			.icmp_type = x->is_reply ? RTE_IP_ICMP_ECHO_REPLY :
						   RTE_IP_ICMP_ECHO_REQUEST };
		return sizeof(struct rte_icmp_hdr);
	default:
		return 0;
	}
}

/* The job of a packet as the question has it, at the interface. */
static void
make(struct made *made, const struct pst_net *net, const struct pst_explain *x, struct job *job)
{
	const struct pst_iface *iface = &net->ifaces[x->iface];
	struct rte_ipv4_hdr *ip = &made->frame.ip;
	uint32_t l4_len = make_l4(made, x);

	*ip = (struct rte_ipv4_hdr){ .version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + l4_len),
		.time_to_live = TTL,
		.next_proto_id = x->protocol,
		.src_addr = rte_cpu_to_be_32(x->source.ip),
		.dst_addr = rte_cpu_to_be_32(x->destination.ip) };
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	made->frame.eth = (struct rte_ether_hdr){ .dst_addr = iface->mac,
		.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4) };
	made->m = (struct rte_mbuf){ .buf_addr = &made->frame.eth,
		.data_len = sizeof(made->frame.eth) + sizeof(*ip) + l4_len,
		.nb_segs = 1,
		.port = iface->port };
	*job = (struct job){ .m = &made->m,
		.iface = x->iface,
		.through = PST_SLOT_NONE,
		.second = x->second };
	pst_view_parse(&job->v, &made->m);
	if (job->v.kind == PST_VIEW_L4)
		pst_view_l4_csum_fill(&job->v);
}

static uint32_t
find(const struct pst_worker *w, struct job *job)
{
	const struct pst_conn_table *conns = &w->nat->conns;

	pst_worker_set_key(job);
	return pst_conn_lookup(conns, pst_flow_hash(&conns->flows, job->key), job->key);
}

/* Is there a connection that waits for such an echo reply? */
static bool
is_awaited(const struct pst_worker *w, struct job *job)
{
	uint32_t found = find(w, job);

	return found != PST_FLOW_NONE &&
		pst_conn_dir(&w->nat->conns.hot[found >> 1], (enum pst_way)job->way) ==
			PST_DIR_REPLY;
}

/* As what it comes in, and whose it is. */
static enum pst_place
place(const struct pst_worker *w, struct made *made, struct job *job, struct pst_explain *x,
	struct pst_placing *p)
{
	enum pst_place where;

	x->is_reply = x->protocol == IPPROTO_ICMP;
	make(made, w->params.net, x, job);
	where = pst_worker_place(w, job, x->handed, p);
	if (x->is_reply && where != PST_PLACE_ELSEWHERE &&
		(where != PST_PLACE_HERE || !is_awaited(w, job))) {
		x->is_reply = false;
		make(made, w->params.net, x, job);
		where = pst_worker_place(w, job, x->handed, p);
	}
	return where;
}

static void
drops(struct pst_explain *x, enum pst_drop why)
{
	x->verdict = PST_EXPLAIN_DROP;
	x->why = why;
}

static uint8_t
prefix_len(uint32_t mask)
{
	return mask == 0 ? 0 : 32 - __builtin_ctz(mask);
}

/* By what next hop it leaves, translated. */
static void
leave(const struct pst_worker *w, enum pst_way way, struct pst_explain *x)
{
	struct pst_hop hop = { 0 };
	rte_be32_t next_hop = 0;
	const struct pst_route *route = pst_worker_find_hop(
		w, way, rte_cpu_to_be_32(x->out_destination.ip), &next_hop, &hop);
	uint64_t word;

	if (route == NULL) {
		drops(x, PST_DROP_NO_ROUTE);
		return;
	}
	word = pst_neigh_word(w->params.net->neigh, hop);
	x->verdict = PST_EXPLAIN_FORWARD;
	x->has_route = true;
	x->route.network = route->network;
	x->route.prefix_len = prefix_len(route->mask);
	x->route.via = rte_be_to_cpu_32(route->via);
	x->route.iface = route->iface;
	x->route.next_hop = rte_be_to_cpu_32(next_hop);
	x->route.has_mac = word != 0;
	for (int k = 0; k < RTE_ETHER_ADDR_LEN; k++)
		x->route.mac[k] = word >> (8 * k);
}

/* The mapping is known: as what it leaves, if it does. */
static void
translate(const struct pst_worker *w, const struct job *job, bool is_watched, bool is_hairpin,
	struct pst_explain *x)
{
	if (job->way == PST_WAY_OUT) {
		x->out_source = x->outside;
		x->out_destination = (struct pst_endpoint){ rte_be_to_cpu_32(job->v.dst),
			rte_be_to_cpu_16(job->v.dport) };
	} else {
		x->out_destination = x->inside;
	}
	/* an ICMP query's identifier is the local end's */
	if (job->v.proto == IPPROTO_ICMP && job->way == PST_WAY_OUT)
		x->out_destination.port = x->out_source.port;
	else if (job->v.proto == IPPROTO_ICMP)
		x->out_source.port = x->out_destination.port;
	if (is_watched)
		x->verdict = PST_EXPLAIN_EDITOR;
	else if (is_hairpin && job->way == PST_WAY_OUT)
		x->verdict = PST_EXPLAIN_AGAIN;
	else
		leave(w, (enum pst_way)job->way, x);
}

static void
explain_conn(const struct pst_worker *w, const struct job *job, uint32_t i, struct pst_explain *x,
	uint64_t now_ms)
{
	const struct pst_conn *c = &w->nat->conns.hot[i];
	enum pst_drop why;

	pst_nat_explain_conn(w->nat, i, x, now_ms);
	if (pst_worker_is_conflict(w, job, c)) {
		drops(x, PST_DROP_CONFLICT);
		return;
	}
	if (pst_nat_refuses(c, (enum pst_way)job->way, &why)) {
		drops(x, why);
		return;
	}
	if (c->flags & PST_CONN_ALIASED && job->way == PST_WAY_IN)
		x->out_source = pst_nat_explain_alias(w->nat, i);
	translate(w, job, c->flags & PST_CONN_WATCHED, c->flags & PST_CONN_HAIRPIN, x);
}

/* By hairpin, and to its own outside end: it is of the connection that it opens on its way out. */
static bool
is_to_itself(const struct pst_explain *x)
{
	bool has_ports = x->protocol == IPPROTO_TCP || x->protocol == IPPROTO_UDP;

	return x->opener.ip != 0 && x->source.ip == x->destination.ip &&
		(!has_ports || x->source.port == x->destination.port);
}

/* By hairpin: that connection is there already, when this one would be opened. */
static enum pst_drop
count_first(const struct pst_worker *w, const struct pst_explain *x)
{
	const struct pst_conn_table *conns = &w->nat->conns;

	if (x->opener.ip == 0 ||
		pst_steer_inside(w->params.steer, x->opener.ip) != w->params.index)
		return PST_DROP_COUNT;
	if (x->client_ip == x->opener.ip && x->sessions.now + 1 >= x->sessions.most)
		return PST_DROP_CLIENT_SESSIONS;
	return conns->slots.n_free > 1 ? PST_DROP_COUNT : PST_DROP_NO_CONNECTION;
}

static void
explain_opening(
	const struct pst_worker *w, const struct job *job, struct pst_explain *x, uint64_t now_ms)
{
	struct pst_nat_packet p = pst_worker_packet_of(job, now_ms);
	struct pst_nat_opening o = { .redirect = -1 };
	bool is_hairpin;

	x->asked_filters = !job->second && w->nat->params->filters != NULL;
	o.why = pst_worker_may_open(w, job, &p, &is_hairpin);
	x->filter = p.filter;
	if (o.why == PST_DROP_COUNT)
		pst_nat_explain_opening(w->nat, (enum pst_way)job->way, &p, &o, x);
	if (o.why == PST_DROP_COUNT && o.redirect < 0)
		o.why = count_first(w, x);
	if (o.redirect >= 0 && (uint32_t)o.redirect != w->params.index) {
		x->verdict = PST_EXPLAIN_ELSEWHERE;
		x->worker = o.redirect;
		x->is_redirected = true;
	} else if (o.redirect >= 0 || o.why != PST_DROP_COUNT) {
		drops(x, o.redirect >= 0 ? PST_DROP_NO_MAPPING : o.why);
	} else {
		translate(w, job, pst_nat_is_watched(w->nat, &o), is_hairpin, x);
	}
}

/* The interface that a packet of this source comes in by, most likely; PST_NO_IFACE: none. */
static uint16_t
iface_of(const struct pst_net *net, const struct pst_explain *x)
{
	if (x->second)
		return pst_net_outside_iface(net, rte_cpu_to_be_32(x->destination.ip));
	if (x->iface != PST_EXPLAIN_ANY_IFACE)
		return x->iface;
	return pst_net_iface_towards(net, rte_cpu_to_be_32(x->source.ip));
}

static void
set_slot(const struct pst_worker *w, const struct job *job, struct pst_explain *x)
{
	struct pst_slot slot = pst_worker_slot_of(w, job);

	x->is_steered = true;
	x->steered_by = slot.by;
	x->slot = slot.index;
}

void
pst_worker_explain(const struct pst_worker *w, struct pst_explain *x, uint64_t now_ms)
{
	struct pst_placing p;
	struct made made;
	struct job job;
	uint32_t found;

	x->iface = iface_of(w->params.net, x);
	x->worker = w->params.index;
	x->filter = x->rule = x->protocol_index = x->editor = -1;
	x->out_source = x->source;
	x->out_destination = x->destination;
	if (x->iface == PST_NO_IFACE) {
		drops(x, PST_DROP_NO_ROUTE);
		return;
	}
	x->is_out = w->params.net->ifaces[x->iface].zone == PST_NET_INTERNAL;
	switch (place(w, &made, &job, x, &p)) {
	case PST_PLACE_HERE:
		break;
	case PST_PLACE_ELSEWHERE:
		x->verdict = PST_EXPLAIN_ELSEWHERE;
		x->worker = p.owner;
		return;
	case PST_PLACE_LOCAL:
		x->verdict = PST_EXPLAIN_LOCAL;
		return;
	default:
		drops(x, p.why);
		return;
	}
	set_slot(w, &job, x);
	if (p.aliased)
		pst_worker_unalias(&job, p.remote);
	found = find(w, &job);
	if (found != PST_FLOW_NONE) {
		explain_conn(w, &job, found >> 1, x, now_ms);
	} else if (is_to_itself(x)) {
		x->inside = x->opener;
		translate(w, &job, false, false, x);
	} else {
		explain_opening(w, &job, x, now_ms);
	}
}
