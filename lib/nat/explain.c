/* SPDX-License-Identifier: BSD-3-Clause */
/* Explaining: what was decided of a packet, in words that the operator knows (chan/explain.h). */
#include "base/clock.h"
#include "nat/nat_priv.h"
#include "packet/view.h"

static const uint8_t mappings[] = {
	[PST_BIND_POOLED] = PST_MAPPING_POOL,
	[PST_BIND_ROUTED] = PST_MAPPING_UNTRANSLATED,
	[PST_BIND_PORTLESS] = PST_MAPPING_ADDRESS,
	[PST_BIND_WHOLE] = PST_MAPPING_OWN_ADDRESS,
};

static void
set_client(const struct pst_nat *nat, const struct pst_client *c, uint64_t now_ms,
	struct pst_explain *x)
{
	const struct pst_nat_params *p = nat->params;

	x->has_client = true;
	x->client_ip = rte_be_to_cpu_32(c->ip);
	x->ports = (struct pst_explain_limit){ c->ports, p->ports_per_client };
	x->sessions = (struct pst_explain_limit){ c->connections, p->sessions_per_client };
	x->new_sessions.most = p->new_sessions_per_client;
	if (c->opened_s == (uint32_t)(now_ms / PST_MS_PER_S))
		x->new_sessions.now = c->opened;
}

static void
set_timer(const struct pst_nat *nat, enum pst_timeout timeout, struct pst_explain *x)
{
	x->timer = pst_timeout_names[timeout];
	x->timer_ms = nat->params->timeouts_ms[timeout];
}

static void
set_protocol(const struct pst_nat *nat, int32_t index, struct pst_explain *x)
{
	x->protocol_index = index;
	if (index >= 0 && nat->params->protocols[index].editor != PST_NAT_NO_EDITOR)
		x->editor = nat->params->protocols[index].editor;
}

static void
set_listener(const struct pst_nat *nat, uint32_t i, struct pst_explain *x, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];

	pst_nat_clear_row(&x->listener);
	x->has_listener = pst_nat_listener_row(nat, i, &x->listener, now_ms);
	x->mapping = PST_MAPPING_LISTENER;
	x->backlog = (struct pst_explain_limit){ l->pending, l->backlog };
	set_protocol(nat, x->listener.protocol_index, x);
}

/* Of a port that is not taken yet: which it can be. */
static void
set_choice(const struct pst_nat *nat, const struct pst_nat_packet *p, const struct pst_client *c,
	const struct pst_nat_opening *o, struct pst_explain *x)
{
	const struct pst_portpool *pool = nat->pools[o->address][pst_nat_pool_of(p->proto)];
	uint16_t inside_port = rte_be_to_cpu_16(pst_key_port(o->key.a)), parity;

	x->outside.ip = rte_be_to_cpu_32(nat->params->addresses[o->address]);
	x->is_chosen = true;
	x->choice.free = pst_portpool_free_count(pool);
	if (nat->params->block_size != 0) {
		if (pst_nat_block_choose(nat, c, o->address, p->proto, inside_port,
			    &x->choice.first, &parity))
			x->choice.last = x->choice.first + nat->params->block_size - 1;
		else
			parity = inside_port & 1; /* the block is new */
	} else if (pst_portpool_look(pool, inside_port, x->client_ip, p->now_ms, &parity,
			   &x->outside.port) == 0) {
		x->is_chosen = x->outside.port == 0;
		x->choice.runs = nat->runs;
	}
	x->choice.parity = parity;
}

static void
set_mapping(const struct pst_nat_opening *o, struct pst_explain *x)
{
	if (o->listener == PST_SLOT_NONE)
		x->mapping = mappings[o->kind];
	x->is_new = o->listener == PST_SLOT_NONE && o->bind == PST_SLOT_NONE;
	x->inside = pst_key_endpoint(o->inside);
	x->outside = pst_key_endpoint(o->outside);
}

static void
explain_out(const struct pst_nat *nat, struct pst_nat_packet *p, struct pst_nat_opening *o,
	struct pst_explain *x)
{
	uint32_t slot = pst_client_lookup(&nat->clients, pst_key_ip(p->key.b));
	struct pst_client blank = pst_client_blank(pst_key_ip(p->key.b), p->now_ms);
	const struct pst_client *c = slot == PST_FLOW_NONE ? &blank : &nat->clients.entries[slot];

	if (slot == PST_FLOW_NONE && !pst_client_has_room(&nat->clients)) {
		o->why = PST_DROP_NO_CLIENT;
		return;
	}
	set_client(nat, c, p->now_ms, x);
	pst_nat_decide_out(nat, p, c, o);
	x->asked_rules = o->asked_rules && nat->params->rules != NULL;
	x->rule = p->rule;
	if (!o->asked_rules)
		return;
	if (o->policy.protocol != PST_NAT_NO_PROTOCOL)
		set_protocol(nat, o->policy.protocol, x);
	if (o->policy.permission != PST_SLOT_NONE) {
		pst_nat_clear_row(&x->permission);
		x->has_permission = pst_nat_permission_row(
			nat, o->policy.permission, &x->permission, p->now_ms);
	}
	if (o->why != PST_DROP_COUNT)
		return;
	x->is_unset = o->policy.unset;
	pst_nat_decide_mapping(nat, p, c, o);
	if (o->why != PST_DROP_COUNT && o->bind == PST_SLOT_NONE)
		return;
	set_mapping(o, x);
	if (x->is_new && o->kind == PST_BIND_POOLED)
		set_choice(nat, p, c, o, x);
}

static void
explain_in(const struct pst_nat *nat, struct pst_nat_packet *p, struct pst_nat_opening *o,
	struct pst_explain *x)
{
	uint32_t client = PST_SLOT_NONE;

	pst_nat_decide_in(nat, p, o);
	if (o->listener != PST_SLOT_NONE) {
		set_listener(nat, o->listener, x, p->now_ms);
		client = nat->listeners.entries[o->listener].client;
	} else if (o->bind != PST_SLOT_NONE) {
		client = nat->binds.entries[o->bind].client;
	}
	if (client != PST_SLOT_NONE)
		set_client(nat, &nat->clients.entries[client], p->now_ms, x);
	if (o->listener != PST_SLOT_NONE && nat->clients.entries[client].aliases)
		x->out_source = (struct pst_endpoint){ .ip = rte_be_to_cpu_32(
			pst_nat_inside_address(nat, nat->clients.entries[client].ip)) };
	if (client != PST_SLOT_NONE || (o->why == PST_DROP_COUNT && o->redirect < 0))
		set_mapping(o, x);
}

void
pst_nat_explain_opening(const struct pst_nat *nat, enum pst_way way, struct pst_nat_packet *p,
	struct pst_nat_opening *o, struct pst_explain *x)
{
	if (way == PST_WAY_OUT)
		explain_out(nat, p, o, x);
	else
		explain_in(nat, p, o, x);
	if (o->why == PST_DROP_COUNT && o->redirect < 0)
		set_timer(nat, pst_fsm_timeout(p->proto,
				       pst_fsm_next(p->proto, PST_STATE_NONE, PST_DIR_ORIG,
					       p->tcp_flags)), x);
}

void
pst_nat_explain_conn(const struct pst_nat *nat, uint32_t i, struct pst_explain *x, uint64_t now_ms)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	uint32_t client;

	pst_nat_clear_row(&x->conn);
	x->has_conn = pst_nat_conn_row(nat, i, &x->conn, now_ms);
	if (c->flags & PST_CONN_LISTENER) {
		set_listener(nat, c->owner, x, now_ms);
		client = nat->listeners.entries[c->owner].client;
	} else {
		x->mapping = mappings[nat->binds.entries[c->owner].kind];
		client = nat->binds.entries[c->owner].client;
	}
	set_client(nat, &nat->clients.entries[client], now_ms, x);
	set_timer(nat, (enum pst_timeout)c->timeout, x);
	set_protocol(nat, x->conn.protocol_index, x);
	x->inside = pst_key_endpoint(c->local[PST_WAY_OUT]);
	x->outside = pst_key_endpoint(c->local[PST_WAY_IN]);
}

bool
pst_nat_is_watched(const struct pst_nat *nat, const struct pst_nat_opening *o)
{
	return o->listener != PST_SLOT_NONE ? nat->listeners.entries[o->listener].editor_path :
					      o->policy.watched;
}

struct pst_endpoint
pst_nat_explain_alias(const struct pst_nat *nat, uint32_t i)
{
	return pst_key_endpoint(pst_conn_rare_of(&nat->conns, &nat->conns.hot[i])->alias);
}
