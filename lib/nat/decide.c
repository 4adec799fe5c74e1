/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deciding: what a packet without a connection would open, or why nothing. All of it reads the
 * tables and none of it writes them, for two ask: who opens (open.c), and who explains to the
 * operator what would happen. So an opening that was decided can't fail, and leaves nothing to
 * undo.
 */
#include <rte_tcp.h>

#include "base/clock.h"
#include "filter/ipfilter.h"
#include "nat/nat_priv.h"
#include "packet/view.h"

bool
pst_nat_may_open(const struct pst_nat_packet *p, enum pst_drop *why)
{
	const uint8_t kind = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG |
		RTE_TCP_FIN_FLAG;

	if (p->proto == PST_TCP && (p->tcp_flags & kind) != RTE_TCP_SYN_FLAG) {
		*why = PST_DROP_TCP_NO_SYN;
		return false;
	}
	if (p->proto == PST_ICMP && !p->is_query) {
		*why = PST_DROP_ICMP_TYPE;
		return false;
	}
	return true;
}

struct pst_flow_key
pst_nat_bind_key(const struct pst_nat *nat, const struct pst_nat_packet *p)
{
	struct pst_flow_key key;

	key.a = pst_key_end(pst_key_ip(p->key.b), pst_key_port(p->key.b), p->proto);
	if (unlikely(pst_view_is_portless(p->proto))) {
		key.b = pst_key_end(pst_key_ip(p->key.a), 0, 0);
		return key;
	}
	if (pst_nat_is_bypassed(nat, pst_key_ip(p->key.a))) {
		key.b = PST_BIND_BYPASS; /* of whatever destination */
		return key;
	}
	if (pst_nat_whole_of(nat->params, pst_key_ip(p->key.b)) != 0) {
		key.b = 0;
		return key;
	}
	switch (nat->params->mapping) {
	case PST_NAT_ADDRESS_DEPENDENT:
		key.b = pst_key_end(pst_key_ip(p->key.a), 0, 0);
		break;
	case PST_NAT_ADDRESS_AND_PORT_DEPENDENT:
		key.b = pst_key_end(pst_key_ip(p->key.a), pst_key_port(p->key.a), 0);
		break;
	default:
		key.b = 0;
	}
	return key;
}

static bool
has_bind_room(const struct pst_nat *nat)
{
	return pst_flowtable_has_room(&nat->ends, 1) && pst_bind_has_room(&nat->binds);
}

/* RFC 6888 REQ-5: so many new connections of a client a second. */
static bool
is_too_fast(const struct pst_nat *nat, const struct pst_client *c, uint64_t now_ms)
{
	return unlikely(nat->params->new_sessions_per_client != 0) &&
		c->opened_s == (uint32_t)(now_ms / PST_MS_PER_S) &&
		c->opened >= nat->params->new_sessions_per_client;
}

void
pst_nat_decide_out(const struct pst_nat *nat, struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o)
{
	*o = (struct pst_nat_opening){ .why = PST_DROP_COUNT,
		.bind = PST_SLOT_NONE,
		.listener = PST_SLOT_NONE,
		.redirect = -1 };
	if (p->through != PST_SLOT_NONE &&
		nat->listeners.entries[p->through].state != PST_LISTENER_OPEN) {
		o->why = PST_DROP_ENDPOINT_USED;
		return;
	}
	o->asked_rules = true;
	if (!pst_nat_ask_policy(nat, p, client, &o->policy))
		o->why = PST_DROP_RULE;
	else if (client->connections >= nat->params->sessions_per_client)
		o->why = PST_DROP_CLIENT_SESSIONS;
	else if (is_too_fast(nat, client, p->now_ms))
		o->why = PST_DROP_CLIENT_RATE;
}

/* The port is the inside one, of an address that nobody else has; unless an editor bound it. */
static enum pst_drop
decide_whole(const struct pst_nat *nat, rte_be32_t address, const struct pst_nat_packet *p,
	struct pst_nat_opening *o)
{
	o->kind = PST_BIND_WHOLE;
	o->outside = pst_key_end(address, pst_key_port(o->key.a), p->proto);
	return pst_nat_end_lookup(nat, o->outside) == PST_FLOW_NONE ? PST_DROP_COUNT :
								       PST_DROP_NO_PORT;
}

/* An outside address of the client by which nobody talks to that peer yet; -EADDRINUSE. */
static int
address_for_peer(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *c, uint32_t via)
{
	bool is_any = via == PST_LISTENER_ANY_ADDRESS;
	uint32_t first = is_any ? pst_nat_address_of(nat, c) : via;
	struct pst_nat_span own = { .n = 1 };

	if (is_any && !pst_nat_has_address(nat, c))
		own = pst_nat_addresses_of(nat->params, c->ip);
	for (uint32_t k = 0; k < own.n; k++) {
		uint32_t a = own.n > 1 ? pst_nat_address_at(nat->params, &own, first, k) : first;
		struct pst_flow_key in = { p->key.a,
			pst_key_end(nat->params->addresses[a], 0, PST_WAY_IN) };

		if (pst_conn_lookup(&nat->conns, pst_flow_hash(&nat->conns.flows, in), in) ==
			PST_FLOW_NONE)
			return a;
	}
	return -EADDRINUSE;
}

/* GRE, ESP: the address alone is translated, for one client to one peer at a time. */
static enum pst_drop
decide_portless(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o)
{
	int a = address_for_peer(nat, p, client, o->policy.via);

	o->kind = PST_BIND_PORTLESS;
	if (a < 0)
		return PST_DROP_PEER_USED;
	o->outside = pst_key_end(nat->params->addresses[a], 0, p->proto);
	return PST_DROP_COUNT;
}

static enum pst_drop
decide_pooled(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o)
{
	int ret;

	o->kind = PST_BIND_POOLED;
	if (client->ports >= nat->params->ports_per_client)
		return PST_DROP_CLIENT_PORTS;
	ret = pst_nat_port_address(
		nat, client, p->proto, o->policy.via, &o->address, &o->scarce);
	if (ret == 0)
		return PST_DROP_COUNT;
	return ret == -EDQUOT ? PST_DROP_CLIENT_PORTS : PST_DROP_NO_PORT;
}

/* A bind of the kind that the two ends make it. */
static enum pst_drop
decide_bind(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o)
{
	rte_be32_t whole;
	enum pst_drop why;

	if (pst_nat_is_bypassed(nat, pst_key_ip(p->key.a))) {
		o->kind = PST_BIND_ROUTED;
		o->outside = o->key.a; /* no port is taken, and none counts */
		why = PST_DROP_COUNT;
	} else if ((whole = pst_nat_whole_of(nat->params, pst_key_ip(p->key.b))) != 0) {
		why = decide_whole(nat, whole, p, o);
	} else if (pst_view_is_portless(p->proto)) {
		why = decide_portless(nat, p, client, o);
	} else {
		why = decide_pooled(nat, p, client, o);
	}
	return why == PST_DROP_COUNT && unlikely(!has_bind_room(nat)) ? PST_DROP_NO_BIND : why;
}

/* Does an editor have to do with it, one way or another? */
static bool
is_rare(const struct pst_nat_packet *p, const struct pst_nat_policy *policy)
{
	return policy->watched || policy->permission != PST_SLOT_NONE ||
		p->through != PST_SLOT_NONE;
}

void
pst_nat_decide_mapping(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o)
{
	if (unlikely(is_rare(p, &o->policy)) && !pst_conn_has_rare_room(&nat->conns)) {
		o->why = PST_DROP_EDITOR_FULL;
		return;
	}
	o->inside = p->key.b;
	o->key = pst_nat_bind_key(nat, p);
	o->bind = pst_bind_lookup(&nat->binds, o->key);
	if (o->bind == PST_FLOW_NONE) {
		o->why = decide_bind(nat, p, client, o);
	} else {
		o->outside = pst_bind_end(&nat->binds, o->bind, PST_WAY_IN);
		o->kind = nat->binds.entries[o->bind].kind;
	}
	if (o->why == PST_DROP_COUNT && unlikely(!pst_conn_has_room(&nat->conns)))
		o->why = PST_DROP_NO_CONNECTION;
}

/* From outside. */

static bool
has_peer(const struct pst_nat *nat, const struct pst_bind *b, rte_be32_t ip)
{
	for (uint32_t i = b->first; i != PST_SLOT_NONE; i = nat->conns.hot[i].next) {
		if (pst_key_ip(nat->conns.hot[i].remote) == ip)
			return true;
	}
	return false;
}

/* RFC 4787 section 5, RFC 5382 REQ-3: may this peer send to the bind? */
static bool
is_admitted(const struct pst_nat *nat, uint32_t i, rte_be32_t ip)
{
	const struct pst_bind *b = &nat->binds.entries[i];

	if (unlikely(b->kind == PST_BIND_WHOLE))
		return true; /* it is published */
	/* its own address is nothing to those who are to see an outside one */
	if (unlikely(b->kind == PST_BIND_ROUTED) && !pst_nat_is_bypassed(nat, ip))
		return false;
	switch (nat->params->filtering) {
	case PST_NAT_ENDPOINT_INDEPENDENT:
		return true;
	case PST_NAT_ADDRESS_DEPENDENT:
		if (has_peer(nat, b, ip))
			return true;
		break;
	default: /* its connection would have been found */
		break;
	}
	if (unlikely(b->admits_all))
		return true;
	return unlikely(b->admits) &&
		pst_ipset_has(pst_bind_admitted(&nat->binds, i), rte_be_to_cpu_32(ip));
}

/* To the client's end o->inside. */
static enum pst_drop
decide_inbound(const struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t connections,
	const struct pst_nat_opening *o)
{
	struct pst_flow_key key = { p->key.a, (o->inside & ~UINT64_C(0xffff)) | PST_WAY_OUT };

	if (connections >= nat->params->sessions_per_client)
		return PST_DROP_CLIENT_SESSIONS;
	/* the same two ends talk already, by another outside port */
	if (pst_conn_lookup(&nat->conns, pst_flow_hash(&nat->conns.flows, key), key) !=
		PST_FLOW_NONE)
		return PST_DROP_CONFLICT;
	return pst_conn_has_room(&nat->conns) ? PST_DROP_COUNT : PST_DROP_NO_CONNECTION;
}

static enum pst_drop
decide_to_bind(const struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t b,
	struct pst_nat_opening *o)
{
	enum pst_drop why;

	o->bind = b;
	o->kind = nat->binds.entries[b].kind;
	o->inside = pst_bind_end(&nat->binds, b, PST_WAY_OUT);
	o->outside = pst_bind_end(&nat->binds, b, PST_WAY_IN);
	if (!is_admitted(nat, b, pst_key_ip(p->key.a)))
		return PST_DROP_FILTERED;
	if (!pst_nat_may_open(p, &why))
		return why;
	return decide_inbound(
		nat, p, nat->clients.entries[nat->binds.entries[b].client].connections, o);
}

/* To an address that is one host's: its bind is made by what comes first, from either side. */
static enum pst_drop
decide_to_host(const struct pst_nat *nat, const struct pst_nat_packet *p, rte_be32_t host,
	struct pst_nat_opening *o)
{
	struct pst_nat_packet from = *p;
	enum pst_drop why;
	uint32_t client;

	if (!pst_nat_may_open(p, &why))
		return why;
	client = pst_client_lookup(&nat->clients, host);
	if (client == PST_FLOW_NONE && !pst_client_has_room(&nat->clients))
		return PST_DROP_NO_CLIENT;
	from.key.b = pst_key_end(host, pst_key_port(p->key.b), PST_WAY_OUT);
	o->key = pst_nat_bind_key(nat, &from);
	o->bind = pst_bind_lookup(&nat->binds, o->key);
	if (o->bind != PST_FLOW_NONE)
		return decide_to_bind(nat, p, o->bind, o);
	why = decide_whole(nat, pst_key_ip(p->key.b), p, o);
	if (why == PST_DROP_COUNT && !has_bind_room(nat))
		why = PST_DROP_NO_BIND;
	o->inside = o->key.a;
	if (why != PST_DROP_COUNT)
		return why;
	return decide_inbound(nat, p,
		client != PST_FLOW_NONE ? nat->clients.entries[client].connections : 0, o);
}

/* R16, R18, R26, R33 to R35, R77, R78: may this packet use the listener? */
static enum pst_drop
judge_guest(const struct pst_listener *l, const struct pst_nat_packet *p)
{
	enum pst_drop why;

	if (!pst_ipset_has(l->filter, rte_be_to_cpu_32(pst_key_ip(p->key.a))))
		return PST_DROP_IP_FILTER;
	if (l->state != PST_LISTENER_OPEN)
		return l->state == PST_LISTENER_USED ? PST_DROP_ENDPOINT_USED :
						       PST_DROP_NO_MAPPING;
	if (l->unapproved)
		return PST_DROP_ENDPOINT_UNAPPROVED;
	if (pst_key_ip(l->inside) == 0)
		return PST_DROP_ENDPOINT_UNSET;
	if (!pst_nat_may_open(p, &why))
		return why;
	if (p->proto == PST_TCP && l->pending >= l->backlog)
		return PST_DROP_ENDPOINT_BACKLOG;
	return PST_DROP_COUNT;
}

bool
pst_nat_is_rare_endpoint(const struct pst_nat *nat, const struct pst_listener *l)
{
	return l->editor_path || l->wants_established ||
		nat->clients.entries[l->client].aliases;
}

static enum pst_drop
decide_to_listener(const struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t i,
	struct pst_nat_opening *o)
{
	const struct pst_listener *l = &nat->listeners.entries[i];
	const struct pst_client *client = &nat->clients.entries[l->client];
	enum pst_drop why;

	o->listener = i;
	o->inside = l->inside;
	o->outside = l->outside;
	why = judge_guest(l, p);
	if (why != PST_DROP_COUNT)
		return why;
	if (pst_nat_is_rare_endpoint(nat, l) && !pst_conn_has_rare_room(&nat->conns))
		return PST_DROP_EDITOR_FULL;
	why = decide_inbound(nat, p, client->connections, o);
	if (why == PST_DROP_COUNT && unlikely(client->aliases) &&
		!pst_nat_has_alias_room(nat, p->proto))
		return PST_DROP_NO_PORT;
	return why;
}

static enum pst_drop
decide_at_end(const struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t end,
	struct pst_nat_opening *o)
{
	switch (end & 3) {
	case PST_END_LISTENER:
		if (nat->listeners.entries[end >> 2].kind != PST_LISTENER_ENDPOINT)
			return PST_DROP_NO_MAPPING; /* ours inside: no way in from outside */
		return decide_to_listener(nat, p, end >> 2, o);
	case PST_END_REDIRECT:
		o->redirect = nat->redirects[end >> 2].worker;
		return PST_DROP_COUNT;
	case PST_END_ALIAS:
		return PST_DROP_NO_MAPPING;
	default:
		return decide_to_bind(nat, p, end >> 2, o);
	}
}

void
pst_nat_decide_in(
	const struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_nat_opening *o)
{
	uint32_t end = pst_nat_end_lookup(nat, (p->key.b & ~UINT64_C(0xffff)) | p->proto);
	rte_be32_t host;

	*o = (struct pst_nat_opening){ .why = PST_DROP_NO_MAPPING,
		.bind = PST_SLOT_NONE,
		.listener = PST_SLOT_NONE,
		.redirect = -1 };
	if (end != PST_FLOW_NONE) {
		o->why = decide_at_end(nat, p, end, o);
		return;
	}
	host = pst_nat_host_of(nat->params, pst_key_ip(p->key.b));
	if (host != 0)
		o->why = decide_to_host(nat, p, host, o);
}
