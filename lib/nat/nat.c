/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/nat.h"

#include <string.h>

#include <rte_malloc.h>

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

struct pst_portpool *
pst_nat_make_pool(const struct pst_nat *nat, const struct pst_nat_params *p, uint32_t address,
	enum pst_nat_pool k, uint64_t runs, int socket)
{
	struct pst_portpool_params pool = { .first = p->port_first,
		.last = p->port_last,
		.runs = runs,
		/* with blocks, these rest, not their ports */
		.quarantine_ms = p->block_size != 0 ? 0 : p->quarantine_ms,
		.rests = p->rests != NULL ? p->rests[address][k] : NULL,
		.owner = &nat->owner,
		.socket = socket };

	return pst_portpool_create_of(&pool);
}

void
pst_nat_add_pool(struct pst_nat *nat, uint32_t address, enum pst_nat_pool pool,
	struct pst_portpool *added)
{
	pst_assert_owner(&nat->owner);
	for (uint32_t run = 0; run < PST_PORT_RUNS; run++) {
		if ((nat->runs >> run & 1) != 0)
			pst_portpool_run_add(added, run);
	}
	nat->pools[address][pool] = added;
	nat->n_pools = RTE_MAX(nat->n_pools, address + 1);
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
	nat->n_pools = p->n_addresses;
	for (uint32_t a = 0; a < p->n_addresses; a++) {
		for (int k = 0; k < PST_POOLS; k++) {
			nat->pools[a][k] = pst_nat_make_pool(nat, p, a, k, nat->runs, socket);
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
	nat->log = share->log;
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
	for (uint32_t a = 0; a < nat->n_pools; a++) {
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

void
pst_nat_set(struct pst_nat *nat, struct pst_req *req)
{
	const struct pst_nat_params *params = nat->params;
	uint64_t *rules = nat->rule_counts, *filters = nat->filter_counts;

	pst_assert_owner(&nat->owner);
	nat->params = req->settings.nat;
	nat->rule_counts = req->settings.rule_counts;
	nat->filter_counts = req->settings.filter_counts;
	req->settings.nat = params;
	req->settings.rule_counts = rules;
	req->settings.filter_counts = filters;
}

bool
pst_nat_is_empty(const struct pst_nat *nat)
{
	uint32_t used = pst_slots_used(&nat->conns.slots) + pst_slots_used(&nat->binds.slots) +
		pst_slots_used(&nat->listeners.slots) + pst_slots_used(&nat->clients.slots) +
		pst_slots_used(&nat->redirect_slots) + nat->ends.count + nat->conns.flows.count +
		pst_slots_used(&nat->conns.rare_slots) + nat->blocks_used;

	for (uint32_t a = 0; a < nat->n_pools; a++) {
		for (int k = 0; k < PST_POOLS; k++)
			used += nat->pools[a][k] != NULL ? pst_portpool_used(nat->pools[a][k]) : 0;
	}
	for (int k = 0; k < 2; k++)
		used += nat->inside_pools[k] != NULL ? pst_portpool_used(nat->inside_pools[k]) : 0;
	return used == 0;
}

/* Nothing uses the bind any more: its port goes back to the pool. */
static void
drop_bind(struct pst_nat *nat, uint32_t i, struct pst_flow_key key, uint64_t outside,
	uint64_t now_ms)
{
	const struct pst_bind *b = &nat->binds.entries[i];
	struct pst_client *c = &nat->clients.entries[b->client];

	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(BIND)) && b->kind != PST_BIND_ROUTED)
		pst_nat_record_bind(nat, PST_RECORD_BIND_CLOSE, key, outside, now_ms);
	if (!pst_view_is_portless(pst_key_low(outside)))
		pst_nat_end_del(nat, outside, i << 2 | PST_END_BIND);
	if (b->kind == PST_BIND_POOLED) {
		pst_nat_port_put(nat, rte_be_to_cpu_32(c->ip), b->address, pst_key_low(outside),
			rte_be_to_cpu_16(pst_key_port(outside)), now_ms);
		pst_nat_ports_sub(c, 1);
		if (unlikely(pst_nat_tells_address(nat, c, 0)))
			pst_nat_record_address(nat, PST_RECORD_ADDRESS_CLOSE, c, now_ms);
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
	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(CONNECTION)))
		pst_nat_record_conn(nat, PST_RECORD_CONNECTION_OPEN, i, p->now_ms);
}

/* R31: who asked for it hears of it once it is one, on the editor lcore. */
void
pst_nat_tell_established(struct pst_nat *nat, uint32_t i)
{
	struct pst_conn *c = &nat->conns.hot[i];

	if (!c->wants_established || c->state == PST_TCP_REFUSED)
		return;
	c->wants_established = false;
	c->pending_established = true;
	c->flags |= PST_CONN_KNOWN;
	pst_nat_tell_conn(nat, i);
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
	pst_nat_tell_established(nat, i);
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
	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(CONNECTION)))
		pst_nat_record_conn(nat, PST_RECORD_CONNECTION_CLOSE, i, now_ms);
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
