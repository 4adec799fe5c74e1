/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/nat.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_tcp.h>

#include "base/clock.h"
#include "base/err.h"
#include "filter/ipfilter.h"
#include "nat/nat_priv.h"
#include "packet/view.h"

#define PORT_FIRST 1024

static bool
is_end_of_bind(const struct pst_nat *nat, uint32_t i, uint64_t end)
{
	/* one that has no connection yet is not looked for */
	return likely(nat->binds.entries[i].first != PST_SLOT_NONE) &&
		pst_bind_end(&nat->binds, i, PST_WAY_IN) == end;
}

static bool
match_end(const void *ctx, uint32_t value, struct pst_flow_key key)
{
	const struct pst_nat *nat = ctx;

	switch (value & 3) {
	case PST_END_LISTENER:
		return nat->listeners.entries[value >> 2].outside == key.a;
	case PST_END_REDIRECT:
		return nat->redirects[value >> 2].outside == key.a;
	case PST_END_ALIAS:
		return pst_conn_rare_of(&nat->conns, &nat->conns.hot[value >> 2])->alias == key.a;
	default:
		return is_end_of_bind(nat, value >> 2, key.a);
	}
}

uint32_t
pst_nat_end_lookup(const struct pst_nat *nat, uint64_t end)
{
	struct pst_flow_key key = pst_nat_end_key(end);

	return pst_flow_find(&nat->ends, pst_flow_hash(&nat->ends, key), match_end, nat, key);
}

void
pst_nat_end_add(struct pst_nat *nat, uint64_t end, uint32_t value)
{
	pst_flowtable_add(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(end)), value);
}

void
pst_nat_end_del(struct pst_nat *nat, uint64_t end, uint32_t value)
{
	pst_flowtable_del(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(end)), value);
}

static int
create_pools(struct pst_nat *nat, int socket)
{
	const struct pst_nat_params *p = nat->params;

	for (int k = 0; k < 2 && p->n_insides > 0; k++) {
		nat->inside_pools[k] = pst_portpool_create(
			PORT_FIRST, UINT16_MAX, p->quarantine_ms, &nat->owner, socket);
		if (nat->inside_pools[k] == NULL)
			return -ENOMEM;
	}
	for (uint32_t a = 0; a < p->n_addresses; a++) {
		for (int k = 0; k < PST_POOLS; k++) {
			struct pst_portpool_params pool = { .first = p->port_first,
				.last = p->port_last,
				.runs = nat->runs,
				/* with blocks, these rest, not their ports */
				.quarantine_ms = p->block_size != 0 ? 0 : p->quarantine_ms,
				.rests = p->rests != NULL ? p->rests[a][k] : NULL,
				.owner = &nat->owner,
				.socket = socket };

			nat->pools[a][k] = pst_portpool_create_of(&pool);
			if (nat->pools[a][k] == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

static int
create_tables(struct pst_nat *nat, const struct pst_nat_share *share)
{
	uint32_t n = share->connections;
	int socket = share->socket;
	struct pst_bind_params binds = { .conns = &nat->conns,
		.capacity = n,
		.admitted = share->listeners,
		.keeps_remotes = nat->params->mapping != PST_NAT_ENDPOINT_INDEPENDENT,
		.seed = pst_rng_next(&nat->rng),
		.socket = socket };

	if (n > PST_BIND_CONNECTIONS_MAX || pst_nat_clients_of(n) > PST_BIND_CLIENTS_MAX)
		return -ENOMEM;
	if (pst_conn_table_init(&nat->conns, n, pst_rng_next(&nat->rng), share->now_ms, socket) < 0)
		return -ENOMEM;
	if (pst_bind_table_init(&nat->binds, &binds) < 0)
		return -ENOMEM;
	if (pst_listener_table_init(&nat->listeners, share->listeners, share->now_ms, socket) < 0)
		return -ENOMEM;
	if (pst_client_table_init(
		    &nat->clients, pst_nat_clients_of(n), pst_rng_next(&nat->rng), socket) < 0)
		return -ENOMEM;
	nat->redirects = rte_zmalloc_socket("pst_redirect",
		sizeof(*nat->redirects) * (size_t)share->listeners, RTE_CACHE_LINE_SIZE, socket);
	if (nat->redirects == NULL ||
		pst_slots_init(&nat->redirect_slots, share->listeners, NULL, socket) < 0)
		return -ENOMEM;
	return pst_flowtable_init(
		&nat->ends, n + 2 * share->listeners, pst_rng_next(&nat->rng), socket);
}

/* What counts by rule and by filter. */
static int
create_counts(struct pst_nat *nat, int socket)
{
	const struct pst_nat_params *p = nat->params;

	if (p->rules != NULL) {
		nat->rule_counts = rte_zmalloc_socket("pst_rule_counts",
			(pst_ruleset_count(p->rules) + 1) * sizeof(uint64_t), RTE_CACHE_LINE_SIZE,
			socket);
		if (nat->rule_counts == NULL)
			return -ENOMEM;
	}
	if (p->filters != NULL) {
		nat->filter_counts = rte_zmalloc_socket("pst_filter_counts",
			(pst_packet_filters_count(p->filters) + 1) * sizeof(uint64_t),
			RTE_CACHE_LINE_SIZE, socket);
		if (nat->filter_counts == NULL)
			return -ENOMEM;
	}
	return 0;
}

struct pst_nat *
pst_nat_create(const struct pst_nat_params *params, const struct pst_nat_share *share)
{
	struct pst_nat *nat;

	nat = rte_zmalloc_socket("pst_nat", sizeof(*nat), RTE_CACHE_LINE_SIZE, share->socket);
	if (nat == NULL)
		return pst_null(ENOMEM);
	nat->params = params;
	nat->owner = (struct pst_lcore_role){ PST_ROLE_WORKER, share->worker };
	nat->runs = share->runs;
	nat->first_release = nat->last_release = PST_SLOT_NONE;
	nat->first_idle = nat->last_idle = PST_BLOCK_NONE;
	for (uint32_t run = 0; run < PST_PORT_RUNS; run++) {
		if ((nat->runs >> run & 1) != 0)
			pst_nat_blocks_count_run(nat, run, true);
	}
	pst_rng_init(&nat->rng, share->seed);
	for (int e = 0; e < PST_EDITORS_MAX; e++) {
		nat->tell[e].first_conn = nat->tell[e].last_conn = PST_SLOT_NONE;
		nat->tell[e].first_listener = nat->tell[e].last_listener = PST_SLOT_NONE;
	}
	if (create_tables(nat, share) < 0 || create_pools(nat, share->socket) < 0 ||
		create_counts(nat, share->socket) < 0) {
		pst_nat_destroy(nat);
		return pst_null(ENOMEM);
	}
	return nat;
}

void
pst_nat_destroy(struct pst_nat *nat)
{
	if (nat == NULL)
		return;
	for (uint32_t i = 0; i < nat->listeners.slots.capacity; i++) {
		if (nat->listeners.entries[i].live)
			pst_ipset_unref(nat->listeners.entries[i].filter);
	}
	for (uint32_t a = 0; a < nat->params->n_addresses; a++) {
		for (int k = 0; k < PST_POOLS; k++)
			pst_portpool_destroy(nat->pools[a][k]);
	}
	pst_portpool_destroy(nat->inside_pools[0]);
	pst_portpool_destroy(nat->inside_pools[1]);
	pst_flowtable_fini(&nat->ends);
	pst_slots_fini(&nat->redirect_slots);
	rte_free(nat->redirects);
	pst_client_table_fini(&nat->clients);
	pst_listener_table_fini(&nat->listeners);
	pst_bind_table_fini(&nat->binds);
	pst_conn_table_fini(&nat->conns);
	rte_free(nat->rule_counts);
	rte_free(nat->filter_counts);
	rte_free(nat);
}

bool
pst_nat_is_empty(const struct pst_nat *nat)
{
	uint32_t used = pst_slots_used(&nat->conns.slots) + pst_slots_used(&nat->binds.slots) +
		pst_slots_used(&nat->listeners.slots) + pst_slots_used(&nat->clients.slots) +
		pst_slots_used(&nat->redirect_slots) + nat->ends.count + nat->conns.flows.count +
		pst_slots_used(&nat->conns.rare_slots) + nat->blocks_used;

	for (uint32_t a = 0; a < nat->params->n_addresses; a++) {
		for (int k = 0; k < PST_POOLS; k++)
			used += nat->pools[a][k] != NULL ? pst_portpool_used(nat->pools[a][k]) : 0;
	}
	for (int k = 0; k < 2; k++)
		used += nat->inside_pools[k] != NULL ? pst_portpool_used(nat->inside_pools[k]) : 0;
	return used == 0;
}

/* Binds. */

static struct pst_flow_key
bind_key(const struct pst_nat *nat, const struct pst_nat_packet *p)
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

/* A port will be taken: two cold buckets that are written then. */
static void
prefetch_outside(const struct pst_nat *nat, uint64_t remote, uint64_t outside)
{
	struct pst_flow_key in = { remote, (outside & ~UINT64_C(0xffff)) | PST_WAY_IN };

	pst_flow_prefetch(&nat->conns.flows, pst_flow_hash(&nat->conns.flows, in));
	pst_flow_prefetch(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(outside)));
}

/* A bind, and how it is found from outside; PST_SLOT_NONE: a table is full. */
static uint32_t
add_bind(struct pst_nat *nat, struct pst_flow_key key, uint64_t outside, uint32_t client,
	enum pst_bind_kind kind, uint32_t address, uint64_t now_ms)
{
	const struct pst_bind bind = { .client = client,
		.address = address,
		.first = PST_SLOT_NONE,
		.created_ms = now_ms,
		.kind = kind };
	uint32_t i;

	if (unlikely(!pst_flowtable_has_room(&nat->ends, 1)))
		return PST_SLOT_NONE;
	i = pst_bind_add(&nat->binds, key, bind);
	if (unlikely(i == PST_SLOT_NONE))
		return PST_SLOT_NONE;
	nat->clients.entries[client].refs++;
	if (!pst_view_is_portless(pst_key_low(outside)))
		pst_nat_end_add(nat, outside, i << 2 | PST_END_BIND);
	nat->binds_total++;
	return i;
}

/* Its outside end is the inside one: no port is taken, and none counts. */
static uint32_t
make_routed(struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_flow_key key,
	uint32_t client, uint64_t *outside, enum pst_drop *why)
{
	*outside = key.a;
	*why = PST_DROP_NO_BIND;
	return add_bind(nat, key, *outside, client, PST_BIND_ROUTED, 0, p->now_ms);
}

/* The port is the inside one, of an address that nobody else has; unless an editor bound it. */
static uint32_t
make_whole(struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_flow_key key,
	uint32_t client, uint64_t *outside, enum pst_drop *why)
{
	rte_be32_t address = pst_nat_whole_of(nat->params, nat->clients.entries[client].ip);

	*outside = pst_key_end(address, pst_key_port(key.a), p->proto);
	*why = PST_DROP_NO_PORT;
	if (pst_nat_end_lookup(nat, *outside) != PST_FLOW_NONE)
		return PST_SLOT_NONE;
	*why = PST_DROP_NO_BIND;
	return add_bind(nat, key, *outside, client, PST_BIND_WHOLE, 0, p->now_ms);
}

/* An outside address of the client by which nobody talks to that peer yet; -EADDRINUSE. */
static int
address_for_peer(const struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t client,
	uint32_t via)
{
	const struct pst_client *c = &nat->clients.entries[client];
	bool is_any = via == PST_LISTENER_ANY_ADDRESS;
	uint32_t first = is_any ? pst_nat_address_of(nat, c) : via;
	struct pst_nat_span own = { .first = first, .n = 1 };

	if (c->ports == 0 && c->n_blocks == 0 && is_any)
		own = pst_nat_addresses_of(nat->params, c->ip);
	for (uint32_t k = 0; k < own.n; k++) {
		uint32_t a = own.first + (first - own.first + k) % own.n;
		struct pst_flow_key in = { p->key.a,
			pst_key_end(nat->params->addresses[a], 0, PST_WAY_IN) };

		if (pst_conn_lookup(&nat->conns, pst_flow_hash(&nat->conns.flows, in), in) ==
			PST_FLOW_NONE)
			return a;
	}
	return -EADDRINUSE;
}

/* GRE, ESP: the address alone is translated, for one client to one peer at a time. */
static uint32_t
make_portless(struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_flow_key key,
	uint32_t client, uint32_t via, uint64_t *outside, enum pst_drop *why)
{
	int a = address_for_peer(nat, p, client, via);

	if (a < 0) {
		*why = PST_DROP_PEER_USED;
		return PST_SLOT_NONE;
	}
	*outside = pst_key_end(nat->params->addresses[a], 0, p->proto);
	*why = PST_DROP_NO_BIND;
	return add_bind(nat, key, *outside, client, PST_BIND_PORTLESS, 0, p->now_ms);
}

static uint32_t
make_bind(struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_flow_key key,
	uint32_t client, uint32_t via, uint64_t *outside, enum pst_drop *why)
{
	struct pst_client *c = &nat->clients.entries[client];
	uint32_t address, i;
	int port;

	if (c->ports >= nat->params->ports_per_client) {
		*why = PST_DROP_CLIENT_PORTS;
		return PST_SLOT_NONE;
	}
	address = via;
	port = pst_nat_port_take(nat, client, p->proto, rte_be_to_cpu_16(pst_key_port(key.a)),
		&address, p->now_ms);
	if (port < 0) {
		*why = port == -EDQUOT ? PST_DROP_CLIENT_PORTS : PST_DROP_NO_PORT;
		return PST_SLOT_NONE;
	}
	*outside = pst_key_end(nat->params->addresses[address], rte_cpu_to_be_16(port), p->proto);
	i = add_bind(nat, key, *outside, client, PST_BIND_POOLED, address, p->now_ms);
	if (i == PST_SLOT_NONE) {
		pst_nat_port_put(nat, rte_be_to_cpu_32(c->ip), address, p->proto, port, p->now_ms);
		*why = PST_DROP_NO_BIND;
		return PST_SLOT_NONE;
	}
	pst_nat_ports_add(c, address, 1);
	return i;
}

/* A bind of the kind that the two ends make it; *outside is our end then. */
static uint32_t
make_any(struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_flow_key key,
	uint32_t client, uint32_t via, uint64_t *outside, enum pst_drop *why)
{
	if (pst_nat_is_bypassed(nat, pst_key_ip(p->key.a)))
		return make_routed(nat, p, key, client, outside, why);
	if (pst_nat_whole_of(nat->params, pst_key_ip(p->key.b)) != 0)
		return make_whole(nat, p, key, client, outside, why);
	if (pst_view_is_portless(p->proto))
		return make_portless(nat, p, key, client, via, outside, why);
	return make_bind(nat, p, key, client, via, outside, why);
}

/* Nothing uses the bind any more: its port goes back to the pool. */
static void
drop_bind(struct pst_nat *nat, uint32_t i, struct pst_flow_key key, uint64_t outside,
	uint64_t now_ms)
{
	const struct pst_bind *b = &nat->binds.entries[i];
	struct pst_client *c = &nat->clients.entries[b->client];

	if (!pst_view_is_portless(pst_key_low(outside)))
		pst_nat_end_del(nat, outside, i << 2 | PST_END_BIND);
	if (b->kind == PST_BIND_POOLED) {
		pst_nat_port_put(nat, rte_be_to_cpu_32(c->ip), b->address, pst_key_low(outside),
			rte_be_to_cpu_16(pst_key_port(outside)), now_ms);
		pst_nat_ports_sub(c, 1);
	}
	pst_client_put(&nat->clients, b->client);
	pst_bind_del(&nat->binds, i, key);
}

/* Connections. */

static uint32_t *
list_of(struct pst_nat *nat, const struct pst_conn *c)
{
	if (c->flags & PST_CONN_LISTENER)
		return &nat->listeners.entries[c->owner].first;
	return &nat->binds.entries[c->owner].first;
}

static void
link_conn(struct pst_nat *nat, uint32_t i)
{
	uint32_t *first = list_of(nat, &nat->conns.hot[i]);

	nat->conns.hot[i].next = *first;
	if (*first != PST_SLOT_NONE)
		nat->conns.hot[*first].prev = i;
	*first = i;
}

static void
unlink_conn(struct pst_nat *nat, uint32_t i)
{
	const struct pst_conn *c = &nat->conns.hot[i];

	if (c->prev == PST_SLOT_NONE)
		*list_of(nat, c) = c->next;
	else
		nat->conns.hot[c->prev].next = c->next;
	if (c->next != PST_SLOT_NONE)
		nat->conns.hot[c->next].prev = c->prev;
}

static uint64_t
conn_due(const struct pst_nat *nat, const struct pst_conn *c, uint64_t now_ms)
{
	uint32_t age = (uint32_t)now_ms - c->last_ms;
	uint32_t timeout = nat->params->timeouts_ms[c->timeout];

	return age < timeout ? now_ms + timeout - age : now_ms;
}

void
pst_nat_arm(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &nat->conns.hot[i];

	c->timeout = pst_fsm_timeout(pst_key_low(c->remote), c->state);
	pst_expiry_arm(nat->conns.expiry, i, conn_due(nat, c, now_ms));
}

/* The connection's first packet moved its state; its owner and client know of it. */
void
pst_nat_start_conn(
	struct pst_nat *nat, uint32_t i, uint32_t client, const struct pst_nat_packet *p)
{
	struct pst_conn *c = &nat->conns.hot[i];
	struct pst_client *cl = &nat->clients.entries[client];

	c->state = pst_fsm_next(p->proto, PST_STATE_NONE, PST_DIR_ORIG, p->tcp_flags);
	cl->refs++;
	cl->connections++;
	nat->connections_total++;
	link_conn(nat, i);
	pst_nat_arm(nat, i, p->now_ms);
}

static bool
may_open(const struct pst_nat_packet *p, enum pst_drop *why)
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

/* R31: who asked for it hears of it once it is one, on the editor lcore. */
static void
tell_established(struct pst_nat *nat, uint32_t i)
{
	struct pst_conn *c = &nat->conns.hot[i];

	if (!c->wants_established || c->state == PST_TCP_REFUSED)
		return;
	c->wants_established = false;
	c->pending_established = true;
	c->flags |= PST_CONN_KNOWN;
	pst_nat_tell_conn(nat, i);
}

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

/* Does an editor have to do with it, one way or another? */
static bool
is_rare(const struct pst_nat_packet *p, const struct pst_nat_policy *policy)
{
	return policy->watched || policy->permission != PST_SLOT_NONE ||
		p->through != PST_SLOT_NONE;
}

static uint32_t
open_on_bind(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t client,
	const struct pst_nat_policy *policy, enum pst_drop *why)
{
	struct pst_flow_key key = bind_key(nat, p);
	uint64_t outside;
	uint32_t b, i;

	if (unlikely(is_rare(p, policy)) && !pst_conn_has_rare_room(&nat->conns)) {
		*why = PST_DROP_EDITOR_FULL;
		return PST_SLOT_NONE;
	}
	b = pst_bind_lookup(&nat->binds, key);
	if (b == PST_FLOW_NONE)
		b = make_any(nat, p, key, client, policy->via, &outside, why);
	else
		outside = pst_bind_end(&nat->binds, b, PST_WAY_IN);
	if (b == PST_SLOT_NONE)
		return PST_SLOT_NONE;
	i = pst_conn_open(&nat->conns, p->key.a, p->key.b,
		(outside & ~UINT64_C(0xffff)) | PST_WAY_IN, p->now_ms);
	if (i == PST_SLOT_NONE) {
		*why = PST_DROP_NO_CONNECTION;
		if (nat->binds.entries[b].connections == 0)
			drop_bind(nat, b, key, outside, p->now_ms);
		return PST_SLOT_NONE;
	}
	use_bind(nat, i, b);
	set_policy(nat, i, policy, p->through, p->now_ms);
	pst_nat_start_conn(nat, i, client, p);
	if (unlikely(p->proto == PST_UDP && nat->conns.hot[i].wants_established))
		tell_established(nat, i);
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
	pst_flow_prefetch(
		&nat->binds.by_inside, pst_flow_hash(&nat->binds.by_inside, bind_key(nat, p)));
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
		pst_bind_lookup(&nat->binds, bind_key(nat, p)) == PST_FLOW_NONE;
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

/* RFC 6888 REQ-5: so many new connections of a client a second. */
static bool
is_too_fast(const struct pst_nat *nat, struct pst_client *c, uint64_t now_ms)
{
	uint32_t second = now_ms / PST_MS_PER_S;

	if (likely(nat->params->new_sessions_per_client == 0))
		return false;
	if (c->opened_s != second) {
		c->opened_s = second;
		c->opened = 0;
	}
	return c->opened++ >= nat->params->new_sessions_per_client;
}

uint32_t
pst_nat_open_out(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why)
{
	struct pst_nat_policy policy;
	uint32_t client, i = PST_SLOT_NONE;

	pst_assert_owner(&nat->owner);
	if (!may_open(p, why))
		return PST_SLOT_NONE;
	client = pst_client_get(&nat->clients, pst_key_ip(p->key.b), p->now_ms);
	if (client == PST_SLOT_NONE) {
		*why = PST_DROP_NO_CLIENT;
		return PST_SLOT_NONE;
	}
	if (p->through != PST_SLOT_NONE &&
		nat->listeners.entries[p->through].state != PST_LISTENER_OPEN)
		*why = PST_DROP_ENDPOINT_USED;
	else if (!pst_nat_decide(nat, p, &nat->clients.entries[client], &policy))
		*why = PST_DROP_RULE;
	else if (nat->clients.entries[client].connections >= nat->params->sessions_per_client)
		*why = PST_DROP_CLIENT_SESSIONS;
	else if (is_too_fast(nat, &nat->clients.entries[client], p->now_ms))
		*why = PST_DROP_CLIENT_RATE;
	else
		i = open_on_bind(nat, p, client, &policy, why);
	pst_client_put(&nat->clients, client);
	return i;
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

static uint32_t
open_inbound(struct pst_nat *nat, const struct pst_nat_packet *p, uint64_t inside,
	uint32_t client, enum pst_drop *why)
{
	struct pst_flow_key key = { p->key.a, (inside & ~UINT64_C(0xffff)) | PST_WAY_OUT };
	uint32_t i;

	if (nat->clients.entries[client].connections >= nat->params->sessions_per_client) {
		*why = PST_DROP_CLIENT_SESSIONS;
		return PST_SLOT_NONE;
	}
	/* the same two ends talk already, by another outside port */
	if (pst_conn_lookup(&nat->conns, pst_flow_hash(&nat->conns.flows, key), key) !=
		PST_FLOW_NONE) {
		*why = PST_DROP_CONFLICT;
		return PST_SLOT_NONE;
	}
	i = pst_conn_open(&nat->conns, p->key.a, key.b, p->key.b, p->now_ms);
	if (i == PST_SLOT_NONE) {
		*why = PST_DROP_NO_CONNECTION;
		return PST_SLOT_NONE;
	}
	nat->conns.hot[i].flags = PST_CONN_INBOUND;
	return i;
}

/* inside: the bind's end there */
static uint32_t
open_to_bind(struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t b, uint64_t inside,
	enum pst_drop *why)
{
	uint32_t client = nat->binds.entries[b].client, i;

	if (!is_admitted(nat, b, pst_key_ip(p->key.a))) {
		*why = PST_DROP_FILTERED;
		return PST_SLOT_NONE;
	}
	if (!may_open(p, why))
		return PST_SLOT_NONE;
	i = open_inbound(nat, p, inside, client, why);
	if (i == PST_SLOT_NONE)
		return PST_SLOT_NONE;
	use_bind(nat, i, b);
	pst_nat_start_conn(nat, i, client, p);
	return i;
}

/* To an address that is one host's: its bind is made by what comes first, from either side. */
static uint32_t
open_to_host(struct pst_nat *nat, const struct pst_nat_packet *p, rte_be32_t host,
	enum pst_drop *why)
{
	struct pst_nat_packet from = *p;
	uint32_t client, b, i = PST_SLOT_NONE;
	struct pst_flow_key key;
	uint64_t outside = (p->key.b & ~UINT64_C(0xffff)) | p->proto;

	if (!may_open(p, why))
		return PST_SLOT_NONE;
	client = pst_client_get(&nat->clients, host, p->now_ms);
	if (client == PST_SLOT_NONE) {
		*why = PST_DROP_NO_CLIENT;
		return PST_SLOT_NONE;
	}
	from.key.b = pst_key_end(host, pst_key_port(p->key.b), PST_WAY_OUT);
	key = bind_key(nat, &from);
	b = pst_bind_lookup(&nat->binds, key);
	if (b == PST_FLOW_NONE)
		b = make_whole(nat, &from, key, client, &outside, why);
	if (b != PST_SLOT_NONE)
		i = open_to_bind(nat, p, b, key.a, why);
	if (b != PST_SLOT_NONE && nat->binds.entries[b].connections == 0)
		drop_bind(nat, b, key, outside, p->now_ms);
	pst_client_put(&nat->clients, client);
	return i;
}

/* R16, R18, R26, R33 to R35, R77, R78: may this packet use the listener? */
static bool
is_welcome(const struct pst_listener *l, const struct pst_nat_packet *p, enum pst_drop *why)
{
	if (!pst_ipset_has(l->filter, rte_be_to_cpu_32(pst_key_ip(p->key.a))))
		*why = PST_DROP_IP_FILTER;
	else if (l->state != PST_LISTENER_OPEN)
		*why = l->state == PST_LISTENER_USED ? PST_DROP_ENDPOINT_USED : PST_DROP_NO_MAPPING;
	else if (l->unapproved)
		*why = PST_DROP_ENDPOINT_UNAPPROVED;
	else if (pst_key_ip(l->inside) == 0)
		*why = PST_DROP_ENDPOINT_UNSET;
	else if (!may_open(p, why))
		return false;
	else if (p->proto == PST_TCP && l->pending >= l->backlog)
		*why = PST_DROP_ENDPOINT_BACKLOG;
	else
		return true;
	return false;
}

/* Is an editor to see or hear of the connections that the listener accepts? */
static bool
is_rare_endpoint(const struct pst_nat *nat, const struct pst_listener *l)
{
	return l->editor_path || l->wants_established ||
		nat->clients.entries[l->client].aliases;
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
	if (is_rare_endpoint(nat, listener)) {
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
open_to_listener(
	struct pst_nat *nat, const struct pst_nat_packet *p, uint32_t l, enum pst_drop *why)
{
	struct pst_listener *listener = &nat->listeners.entries[l];
	uint32_t i;

	if (!is_welcome(listener, p, why))
		return PST_SLOT_NONE;
	if (is_rare_endpoint(nat, listener) && !pst_conn_has_rare_room(&nat->conns)) {
		*why = PST_DROP_EDITOR_FULL;
		return PST_SLOT_NONE;
	}
	i = open_inbound(nat, p, listener->inside, listener->client, why);
	if (i == PST_SLOT_NONE)
		return i;
	accept_conn(nat, i, l, p);
	if (unlikely(nat->clients.entries[listener->client].aliases) &&
		!pst_nat_alias_add(nat, i, p->now_ms)) {
		*why = PST_DROP_NO_PORT;
		pst_nat_close(nat, i, p->now_ms);
		return PST_SLOT_NONE;
	}
	return i;
}

uint32_t
pst_nat_open_in(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why)
{
	uint32_t end;

	pst_assert_owner(&nat->owner);
	p->redirect = -1;
	end = pst_nat_end_lookup(nat, (p->key.b & ~UINT64_C(0xffff)) | p->proto);
	if (end == PST_FLOW_NONE) {
		rte_be32_t host = pst_nat_host_of(nat->params, pst_key_ip(p->key.b));

		*why = PST_DROP_NO_MAPPING;
		return host != 0 ? open_to_host(nat, p, host, why) : PST_SLOT_NONE;
	}
	switch (end & 3) {
	case PST_END_LISTENER:
		return open_to_listener(nat, p, end >> 2, why);
	case PST_END_REDIRECT:
		p->redirect = nat->redirects[end >> 2].worker;
		return PST_SLOT_NONE;
	default:
		return open_to_bind(nat, p, end >> 2,
			pst_bind_end(&nat->binds, end >> 2, PST_WAY_OUT), why);
	}
}

bool
pst_nat_is_redirected(const struct pst_nat *nat, uint64_t outside, uint32_t *worker)
{
	uint32_t end = pst_nat_end_lookup(nat, outside);

	if (end == PST_FLOW_NONE || (end & 3) != PST_END_REDIRECT)
		return false;
	*worker = nat->redirects[end >> 2].worker;
	return true;
}

/* State, time, end. */

static bool
is_opening(const struct pst_conn *c)
{
	return pst_key_low(c->remote) == PST_TCP &&
		pst_fsm_timeout(PST_TCP, c->state) == PST_TIMEOUT_TCP_OPENING;
}

static void
leave_backlog(struct pst_nat *nat, struct pst_conn *c)
{
	if (c->flags & PST_CONN_PENDING) {
		c->flags &= ~PST_CONN_PENDING;
		nat->listeners.entries[c->owner].pending--;
	}
}

void
pst_nat_moved(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &nat->conns.hot[i];

	pst_nat_arm(nat, i, now_ms);
	if (is_opening(c))
		return;
	if (c->flags & PST_CONN_LISTENER)
		leave_backlog(nat, c);
	tell_established(nat, i);
}

static uint32_t
client_of(const struct pst_nat *nat, const struct pst_conn *c)
{
	return c->flags & PST_CONN_LISTENER ? nat->listeners.entries[c->owner].client :
					      nat->binds.entries[c->owner].client;
}

static void
leave_owner(struct pst_nat *nat, struct pst_conn *c, uint64_t now_ms)
{
	if (c->flags & PST_CONN_LISTENER) {
		leave_backlog(nat, c);
		pst_nat_listener_left(nat, c->owner, now_ms);
	} else if (--nat->binds.entries[c->owner].connections == 0) {
		drop_bind(nat, c->owner, pst_bind_key(&nat->binds, c->owner, c),
			pst_conn_end(c, PST_WAY_IN), now_ms);
	}
}

void
pst_nat_close(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &nat->conns.hot[i];
	uint32_t client = client_of(nat, c);

	pst_assert_owner(&nat->owner);
	if (unlikely(c->flags & PST_CONN_ALIASED))
		pst_nat_alias_del(nat, i, now_ms);
	pst_conn_unlink(&nat->conns, i);
	unlink_conn(nat, i);
	nat->clients.entries[client].connections--;
	leave_owner(nat, c, now_ms);
	if (unlikely(pst_conn_permission(&nat->conns, c) != PST_SLOT_NONE))
		pst_nat_listener_left(nat, pst_conn_permission(&nat->conns, c), now_ms);
	pst_client_put(&nat->clients, client);
	if (c->flags & PST_CONN_KNOWN) {
		c->pending_end = true;
		pst_nat_tell_conn(nat, i);
	} else {
		pst_conn_free(&nat->conns, i);
	}
}

static uint64_t
visit_conn(void *ctx, uint32_t i, uint64_t now_ms)
{
	struct pst_nat *nat = ctx;
	uint64_t due = conn_due(nat, &nat->conns.hot[i], now_ms);

	if (due > now_ms)
		return due;
	pst_nat_close(nat, i, now_ms);
	return PST_EXPIRY_NEVER;
}

static uint64_t
visit_listener(void *ctx, uint32_t i, uint64_t now_ms)
{
	struct pst_nat *nat = ctx;
	uint64_t due = pst_nat_listener_due(nat, &nat->listeners.entries[i]);

	if (due > now_ms)
		return due;
	pst_nat_listener_close(nat, i, true, now_ms);
	return PST_EXPIRY_NEVER;
}

/*
 * Ending a connection reads a chain of cold lines: its entry, where its keys are and its bind,
 * where the bind's keys are and its port. So each of those that are due asks for a link of the
 * chain while others, a few steps ahead or behind, ask for theirs.
 */
#define DUE_MOST 64u
#define DUE_STEP 2u /* more ask for too much at a time: 4 costs 3 % more, 8 costs 6 % */

static void
prefetch_conn(const struct pst_nat *nat, uint32_t i)
{
	rte_prefetch0(&nat->conns.hot[i]);
	rte_prefetch0(&nat->conns.hot[i].owner);
}

static void
prefetch_conn_keys(const struct pst_nat *nat, uint32_t i)
{
	const struct pst_conn *c = &nat->conns.hot[i];

	pst_conn_prefetch_keys(&nat->conns, c);
	if (!(c->flags & PST_CONN_LISTENER))
		rte_prefetch0(&nat->binds.entries[c->owner]);
}

static void
prefetch_bind_keys(const struct pst_nat *nat, uint32_t i)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	const struct pst_bind *b = &nat->binds.entries[c->owner];
	const struct pst_flowtable *by_inside = &nat->binds.by_inside;
	uint64_t outside = pst_conn_end(c, PST_WAY_IN);

	rte_prefetch0(&nat->clients.entries[client_of(nat, c)]);
	if (c->flags & PST_CONN_LISTENER)
		return;
	pst_flow_prefetch(&nat->ends, pst_flow_hash(&nat->ends, pst_nat_end_key(outside)));
	pst_flow_prefetch(
		by_inside, pst_flow_hash(by_inside, pst_bind_key(&nat->binds, c->owner, c)));
	if (b->kind == PST_BIND_POOLED)
		pst_portpool_prefetch_put(
			nat->pools[b->address][pst_nat_pool_of(pst_key_low(outside))],
			rte_be_to_cpu_16(pst_key_port(outside)));
}

/* The links of the chain that come up when the i-th begins; what is none is far beyond n. */
static void
prefetch_due(const struct pst_nat *nat, const uint32_t *due, uint32_t n, uint32_t i)
{
	if (i < n)
		prefetch_conn(nat, due[i]);
	if (i - DUE_STEP < n)
		prefetch_conn_keys(nat, due[i - DUE_STEP]);
	if (i - 2 * DUE_STEP < n)
		prefetch_bind_keys(nat, due[i - 2 * DUE_STEP]);
}

static uint32_t
expire_conns(struct pst_nat *nat, uint64_t now_ms, uint32_t most)
{
	uint32_t due[DUE_MOST], done = 0;
	uint32_t n = pst_expiry_peek(nat->conns.expiry, now_ms, due, RTE_MIN(most, DUE_MOST));

	if (n == 0) /* the wheel goes on all the same */
		return pst_expiry_poll(nat->conns.expiry, now_ms, 0, visit_conn, nat);
	for (uint32_t i = 0; i < n + 3 * DUE_STEP; i++) {
		prefetch_due(nat, due, n, i);
		if (i >= 3 * DUE_STEP)
			done += pst_expiry_poll(nat->conns.expiry, now_ms, 1, visit_conn, nat);
	}
	return done;
}

uint32_t
pst_nat_expire(struct pst_nat *nat, uint64_t now_ms, uint32_t most)
{
	uint32_t done = 0, n;

	if (nat->params->block_size != 0)
		pst_nat_blocks_expire(nat, now_ms, most);
	do {
		n = expire_conns(nat, now_ms, most - done);
		done += n;
	} while (n == DUE_MOST);
	return done + pst_expiry_poll(nat->listeners.expiry, now_ms, most, visit_listener, nat);
}
