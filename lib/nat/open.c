/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening: what was decided (decide.c) is done, and can't fail. */
#include "base/clock.h"
#include "nat/nat_priv.h"
#include "packet/view.h"

/* Binds. */

/* A port will be taken: two cold buckets that are written then. */
static void
prefetch_outside(const struct pst_nat *nat, uint64_t remote, uint64_t outside)
{
	struct pst_flow_key in = { remote, (outside & ~UINT64_C(0xffff)) | PST_WAY_IN };

	pst_flow_prefetch(&nat->conns.flows, pst_flow_hash(&nat->conns.flows, in));
	pst_flow_prefetch(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(outside)));
}

/* A bind, and how it is found from outside. */
static uint32_t
add_bind(struct pst_nat *nat, const struct pst_nat_opening *o, uint32_t client, uint64_t now_ms)
{
	const struct pst_bind bind = { .client = client,
		.address = o->address,
		.first = PST_SLOT_NONE,
		.created_ms = now_ms,
		.kind = o->kind };
	uint32_t i = pst_bind_add(&nat->binds, o->key, bind);

	nat->clients.entries[client].refs++;
	if (!pst_view_is_portless(pst_key_low(o->outside)))
		pst_nat_end_add(nat, o->outside, i << 2 | PST_END_BIND);
	nat->binds_total++;
	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(BIND)) && o->kind != PST_BIND_ROUTED)
		pst_nat_record_bind(nat, PST_RECORD_BIND_OPEN, o->key, o->outside, now_ms);
	return i;
}

static uint32_t
make_bind(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t client,
	struct pst_nat_opening *o)
{
	if (likely(o->kind == PST_BIND_POOLED)) {
		int port = pst_nat_port_take(nat, client, p->proto,
			rte_be_to_cpu_16(pst_key_port(o->key.a)), o->address, p->now_ms);

		RTE_ASSERT(port >= 0);
		o->outside = pst_key_end(
			nat->params->addresses[o->address], rte_cpu_to_be_16(port), p->proto);
		pst_nat_ports_add(&nat->clients.entries[client], o->address, 1);
		if (unlikely(pst_nat_tells_address(nat, &nat->clients.entries[client], 1)))
			pst_nat_record_address(nat, PST_RECORD_ADDRESS_OPEN,
				&nat->clients.entries[client], p->now_ms);
	}
	return add_bind(nat, o, client, p->now_ms);
}

/* Connections. */

/* Its packets go by way of the client's editor lcore. */
static void
watch(struct pst_nat *nat, uint32_t i)
{
	struct pst_conn *c = &nat->conns.hot[i];

	c->flags |= PST_CONN_WATCHED | PST_CONN_KNOWN;
	pst_conn_rare(&nat->conns, i)->editor_lcore =
		pst_nat_editor_lcore(nat, pst_key_ip(c->local[PST_WAY_OUT]));
}

static void
set_policy(struct pst_nat *nat, uint32_t i, const struct pst_nat_policy *policy,
	uint32_t through, uint64_t now_ms)
{
	nat->conns.hot[i].protocol_index = policy->protocol;
	nat->conns.hot[i].unset = policy->unset;
	if (unlikely(policy->permission != PST_SLOT_NONE))
		pst_nat_permission_use(nat, policy->permission, i, now_ms);
	if (unlikely(through != PST_SLOT_NONE)) {
		pst_conn_rare(&nat->conns, i)->alias = nat->listeners.entries[through].outside;
		nat->conns.hot[i].flags |= PST_CONN_ALIASED;
	}
	if (policy->watched)
		watch(nat, i);
}

/* Of a mapping; what listeners have accepted is asked for from outside, and stays by that. */
static void
use_bind(struct pst_nat *nat, uint32_t i, uint32_t b)
{
	struct pst_conn *c = &nat->conns.hot[i];

	c->owner = b;
	if (unlikely(nat->params->out_refreshes))
		c->flags |= PST_CONN_OUT_REFRESHES;
	nat->binds.entries[b].connections++;
}

static uint32_t
open_on_bind(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t client,
	struct pst_nat_opening *o)
{
	uint32_t i;

	if (o->bind == PST_SLOT_NONE)
		o->bind = make_bind(nat, p, client, o);
	i = pst_conn_open(&nat->conns, p->key.a, p->key.b,
		(o->outside & ~UINT64_C(0xffff)) | PST_WAY_IN, p->now_ms);
	use_bind(nat, i, o->bind);
	set_policy(nat, i, &o->policy, p->through, p->now_ms);
	pst_nat_start_conn(nat, i, client, p);
	if (unlikely(p->proto == PST_UDP && nat->conns.hot[i].wants_established))
		pst_nat_tell_established(nat, i);
	return i;
}

static void
prefetch_entries(const struct pst_nat *nat, uint32_t nth)
{
	uint32_t conn = pst_slots_peek(&nat->conns.slots, nth);
	uint32_t bind = pst_slots_peek(&nat->binds.slots, nth);

	if (conn != PST_SLOT_NONE) {
		rte_prefetch0(&nat->conns.hot[conn]);
		rte_prefetch0(&nat->conns.hot[conn].owner);
	}
	if (bind != PST_SLOT_NONE)
		rte_prefetch0(&nat->binds.entries[bind]);
}

void
pst_nat_prefetch(
	const struct pst_nat *nat, enum pst_way way, const struct pst_nat_packet *p, uint32_t nth)
{
	uint64_t end = (p->key.b & ~UINT64_C(0xffff)) | p->proto;

	if (way == PST_WAY_IN) {
		pst_flow_prefetch(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(end)));
		return;
	}
	pst_flow_prefetch(&nat->binds.by_inside,
		pst_flow_hash(&nat->binds.by_inside, pst_nat_bind_key(nat, p)));
	pst_client_prefetch(&nat->clients, pst_key_ip(p->key.b));
	prefetch_entries(nat, nth);
}

/* Will a port be taken for it, and none of a block? */
static bool
takes_port(const struct pst_nat *nat, const struct pst_nat_packet *p)
{
	return nat->params->block_size == 0 && !pst_view_is_portless(p->proto) &&
		!pst_nat_is_bypassed(nat, pst_key_ip(p->key.a)) &&
		pst_nat_whole_of(nat->params, pst_key_ip(p->key.b)) == 0 &&
		pst_bind_lookup(&nat->binds, pst_nat_bind_key(nat, p)) == PST_FLOW_NONE;
}

void
pst_nat_prefetch_port(const struct pst_nat *nat, enum pst_way way,
	const struct pst_nat_packet *p, struct pst_rng *ahead)
{
	const struct pst_client *c;
	uint32_t client, address;
	int port;

	if (way == PST_WAY_IN || !takes_port(nat, p))
		return;
	client = pst_client_lookup(&nat->clients, pst_key_ip(p->key.b));
	if (client == PST_FLOW_NONE)
		return;
	c = &nat->clients.entries[client];
	address = pst_nat_address_of(nat, c);
	port = pst_nat_port_prefetch(
		nat, c, p->proto, rte_be_to_cpu_16(pst_key_port(p->key.b)), address, ahead);
	if (port >= 0)
		prefetch_outside(nat, p->key.a, pst_key_end(nat->params->addresses[address],
			rte_cpu_to_be_16(port), p->proto));
}

/* RFC 6888 REQ-5: it counts in the client's second. */
static void
count_opening(const struct pst_nat *nat, struct pst_client *c, uint64_t now_ms)
{
	uint32_t second = now_ms / PST_MS_PER_S;

	if (likely(nat->params->new_sessions_per_client == 0))
		return;
	if (c->opened_s != second) {
		c->opened_s = second;
		c->opened = 0;
	}
	c->opened++;
}

static uint32_t
open_for(struct pst_nat *nat, struct pst_nat_packet *p, uint32_t client, enum pst_drop *why)
{
	struct pst_client *c = &nat->clients.entries[client];
	struct pst_nat_opening o;

	pst_nat_decide_out(nat, p, c, &o);
	if (likely(o.asked_rules))
		pst_nat_count_rule(nat, p);
	if (o.why == PST_DROP_COUNT) {
		count_opening(nat, c, p->now_ms);
		pst_nat_decide_mapping(nat, p, c, &o);
		if (unlikely(o.scarce))
			nat->want = PST_WANT_NOW;
	}
	*why = o.why;
	return o.why == PST_DROP_COUNT ? open_on_bind(nat, p, client, &o) : PST_SLOT_NONE;
}

uint32_t
pst_nat_open_out(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why)
{
	uint32_t client, i;

	pst_assert_owner(&nat->owner);
	if (!pst_nat_may_open(p, why))
		return PST_SLOT_NONE;
	client = pst_client_get(&nat->clients, pst_key_ip(p->key.b), p->now_ms);
	if (client == PST_SLOT_NONE) {
		*why = PST_DROP_NO_CLIENT;
		return PST_SLOT_NONE;
	}
	i = open_for(nat, p, client, why);
	pst_client_put(&nat->clients, client);
	return i;
}

/* From outside. */

static uint32_t
open_inbound(struct pst_nat *nat, const struct pst_nat_packet *p, uint64_t inside)
{
	uint32_t i = pst_conn_open(&nat->conns, p->key.a,
		(inside & ~UINT64_C(0xffff)) | PST_WAY_OUT, p->key.b, p->now_ms);

	nat->conns.hot[i].flags = PST_CONN_INBOUND;
	return i;
}

static uint32_t
open_to_bind(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t b, uint64_t inside)
{
	uint32_t i = open_inbound(nat, p, inside);

	use_bind(nat, i, b);
	pst_nat_start_conn(nat, i, nat->binds.entries[b].client, p);
	return i;
}

/* The first of a host that has an address to itself. */
static uint32_t
open_to_host(struct pst_nat *nat, const struct pst_nat_packet *p, const struct pst_nat_opening *o)
{
	uint32_t client = pst_client_get(&nat->clients, pst_key_ip(o->inside), p->now_ms);
	uint32_t i = open_to_bind(nat, p, add_bind(nat, o, client, p->now_ms), o->inside);

	pst_client_put(&nat->clients, client);
	return i;
}

static void
accept_conn(struct pst_nat *nat, uint32_t i, uint32_t l, const struct pst_nat_packet *p)
{
	struct pst_listener *listener = &nat->listeners.entries[l];
	struct pst_conn *c = &nat->conns.hot[i];
	struct pst_conn_rare *rare;

	c->owner = l;
	c->flags |= PST_CONN_LISTENER;
	if (p->proto == PST_UDP && !(listener->flags & PST_FLAG_BIDIRECTIONAL))
		c->flags |= PST_CONN_RECEIVE_ONLY;
	c->protocol_index = listener->protocol_index;
	if (pst_nat_is_rare_endpoint(nat, listener)) {
		rare = pst_conn_rare(&nat->conns, i);
		rare->cookie = listener->cookie;
		rare->editor_lcore = listener->editor_lcore;
	}
	c->wants_established = listener->wants_established;
	if (listener->editor_path)
		c->flags |= PST_CONN_WATCHED | PST_CONN_KNOWN;
	listener->connections++;
	listener->last_ms = p->now_ms;
	if (!(listener->flags & PST_FLAG_ALLOW_MULTIPLE))
		listener->state = PST_LISTENER_USED;
	pst_nat_start_conn(nat, i, listener->client, p);
	if (p->proto == PST_TCP) {
		c->flags |= PST_CONN_PENDING;
		listener->pending++;
	}
	pst_nat_moved(nat, i, p->now_ms);
}

static uint32_t
open_to_listener(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t l)
{
	const struct pst_listener *listener = &nat->listeners.entries[l];
	uint32_t i = open_inbound(nat, p, listener->inside);

	accept_conn(nat, i, l, p);
	if (unlikely(nat->clients.entries[listener->client].aliases))
		pst_nat_alias_add(nat, i, p->now_ms);
	return i;
}

uint32_t
pst_nat_open_in(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why)
{
	struct pst_nat_opening o;

	pst_assert_owner(&nat->owner);
	pst_nat_decide_in(nat, p, &o);
	p->redirect = o.redirect;
	*why = o.why;
	if (o.why != PST_DROP_COUNT || o.redirect >= 0)
		return PST_SLOT_NONE;
	if (o.listener != PST_SLOT_NONE)
		return open_to_listener(nat, p, o.listener);
	if (o.bind != PST_SLOT_NONE)
		return open_to_bind(nat, p, o.bind, o.inside);
	return open_to_host(nat, p, &o);
}
