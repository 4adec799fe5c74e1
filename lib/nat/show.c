/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows for the operator, and what he wants ended: a part of a table at a time, between bursts.
 *
 * A table is walked in pieces that take a few microseconds, whatever they find; walk.c says how
 * often. Of a million connections few are wanted as a rule, so the keys in their first lines are
 * compared before anything else is read. These lines are asked for ahead and past the caches,
 * where the packets' lines are.
 */
#include <string.h>

#include "filter/ipfilter.h"
#include "nat/nat_priv.h"

#define PIECE_LOOK 256	  /* entries looked at in a piece, used or not */
#define PIECE_ROWS 16	  /* and rows copied, or things ended */
#define ANSWER_LOOK 65536 /* entries looked at for one answer */
#define AHEAD 96	  /* entries asked for ahead */

typedef bool (*fill_row)(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);

void
pst_nat_clear_row(struct pst_show_row *row)
{
	memset(row, 0, sizeof(*row));
	row->editor = row->protocol_index = -1;
}

static uint32_t
until(uint64_t due_ms, uint64_t now_ms)
{
	if (due_ms == PST_EXPIRY_NEVER)
		return UINT32_MAX;
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

bool
pst_nat_conn_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	uint32_t age, timeout;

	if (!c->live) /* its first line may hold numbers of free entries */
		return false;
	age = (uint32_t)now_ms - c->last_ms;
	timeout = nat->params->timeouts_ms[c->timeout];
	row->protocol = pst_key_low(c->remote);
	row->state = c->state;
	row->editor_path = (c->flags & PST_CONN_WATCHED) != 0;
	row->inside = pst_key_endpoint(c->local[PST_WAY_OUT]);
	row->outside = pst_key_endpoint(c->local[PST_WAY_IN]);
	row->remote = pst_key_endpoint(c->remote);
	row->bypass = !(c->flags & PST_CONN_LISTENER) &&
		      nat->binds.entries[c->owner].kind == PST_BIND_ROUTED;
	for (int way = 0; way < PST_WAYS; way++) {
		enum pst_dir dir = pst_conn_dir(c, way);

		row->packets[dir] = pst_conn_packets(c, way);
		row->bytes[dir] = pst_conn_bytes(c, way);
	}
	row->expires_ms = age < timeout ? timeout - age : 0;
	row->age_ms = (uint32_t)now_ms - c->created_ms;
	row->ref = pst_conn_ref(&nat->conns, i);
	row->protocol_index = c->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : c->protocol_index;
	if (row->protocol_index >= 0 &&
		nat->params->protocols[row->protocol_index].editor != PST_NAT_NO_EDITOR)
		row->editor = nat->params->protocols[row->protocol_index].editor;
	return true;
}

static bool
bind_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_bind *b = &nat->binds.entries[i];
	const struct pst_conn *c;

	if (b->connections == 0)
		return false;
	c = &nat->conns.hot[b->first];
	row->protocol = pst_key_low(c->remote);
	row->inside = pst_key_endpoint(c->local[PST_WAY_OUT]);
	row->outside = pst_key_endpoint(c->local[PST_WAY_IN]);
	row->remote = pst_key_endpoint(pst_bind_key(&nat->binds, i, c).b);
	row->connections = b->connections;
	row->age_ms = (uint32_t)now_ms - b->created_ms;
	row->expires_ms = UINT32_MAX;
	return true;
}

bool
pst_nat_listener_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];

	if (!l->live || l->gone || l->kind != PST_LISTENER_ENDPOINT)
		return false;
	row->protocol = pst_key_low(l->outside);
	row->state = l->state;
	row->flags = l->flags;
	row->inside = pst_key_endpoint(l->inside);
	row->outside = pst_key_endpoint(l->outside);
	row->published = l->published;
	row->has_filter = l->filter != NULL;
	row->filter = pst_ipset_ref(l->filter);
	row->connections = l->connections;
	row->age_ms = now_ms - l->created_ms;
	row->expires_ms = until(pst_nat_listener_due(nat, l), now_ms);
	row->editor = l->published ? -1 : l->editor;
	row->editor_path = l->editor_path;
	row->protocol_index = l->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : l->protocol_index;
	row->ref = pst_listener_ref(&nat->listeners, i);
	return true;
}

static bool
filter_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];

	return l->live && l->filter != NULL && pst_nat_listener_row(nat, i, row, now_ms);
}

/* Of a redirect the inside end is the firewall's, and its place outside is the remote end. */
bool
pst_nat_permission_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];
	bool is_redirect = l->kind == PST_LISTENER_REDIRECT;

	if (!l->live || l->gone || l->kind == PST_LISTENER_ENDPOINT)
		return false;
	row->kind = l->kind;
	row->protocol = pst_key_low(l->outside);
	row->state = l->state;
	row->flags = l->flags;
	row->editor_path = l->editor_path;
	row->inside.ip = rte_be_to_cpu_32(nat->clients.entries[l->client].ip);
	row->remote = pst_key_endpoint(is_redirect ? l->inside : l->outside);
	if (is_redirect)
		row->outside = pst_key_endpoint(l->outside);
	row->connections = l->connections;
	row->age_ms = now_ms - l->created_ms;
	row->expires_ms = until(pst_nat_listener_due(nat, l), now_ms);
	row->editor = l->editor;
	row->protocol_index = l->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : l->protocol_index;
	return true;
}

static bool
client_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_client *c = &nat->clients.entries[i];

	if (c->refs == 0)
		return false;
	row->inside.ip = rte_be_to_cpu_32(c->ip);
	row->outside.ip = rte_be_to_cpu_32(nat->params->addresses[pst_nat_address_of(nat, c)]);
	row->ports_used = c->ports;
	row->blocks = c->n_blocks;
	row->connections = c->connections;
	row->age_ms = (uint32_t)now_ms - c->created_ms;
	return true;
}

static bool
pool_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	static const uint8_t protos[PST_POOLS] = { PST_TCP, PST_UDP, PST_ICMP };
	const struct pst_portpool *pool = nat->pools[i / PST_POOLS][i % PST_POOLS];

	if (pool == NULL || nat->params->addresses[i / PST_POOLS] == 0)
		return false;
	row->protocol = protos[i % PST_POOLS];
	row->outside.ip = rte_be_to_cpu_32(nat->params->addresses[i / PST_POOLS]);
	row->runs = nat->runs;
	row->ports_used = pst_portpool_used(pool);
	row->ports_free = pst_portpool_free_count(pool);
	row->ports_resting = pst_portpool_resting(pool, now_ms);
	return true;
}

static const fill_row fills[] = {
	[PST_SHOW_CONNECTIONS] = pst_nat_conn_row,
	[PST_SHOW_BINDS] = bind_row,
	[PST_SHOW_LISTENERS] = pst_nat_listener_row,
	[PST_SHOW_FILTERS] = filter_row,
	[PST_SHOW_PERMISSIONS] = pst_nat_permission_row,
	[PST_SHOW_POOLS] = pool_row,
	[PST_SHOW_CLIENTS] = client_row,
	[PST_SHOW_BLOCKS] = pst_nat_block_row,
};

/* Entries behind those that were ever used are not looked at. */
static uint32_t
used_of(const struct pst_slots *slots)
{
	return slots->fresh;
}

static uint32_t
size_of(const struct pst_nat *nat, enum pst_show_table table)
{
	switch (table) {
	case PST_SHOW_CONNECTIONS:
		return used_of(&nat->conns.slots);
	case PST_SHOW_BINDS:
		return used_of(&nat->binds.slots);
	case PST_SHOW_LISTENERS:
	case PST_SHOW_FILTERS:
	case PST_SHOW_PERMISSIONS:
		return used_of(&nat->listeners.slots);
	case PST_SHOW_CLIENTS:
		return used_of(&nat->clients.slots);
	case PST_SHOW_BLOCKS:
		return nat->params->block_size == 0
			       ? 0
			       : nat->params->n_addresses * (65536 / nat->params->block_size);
	default:
		return nat->params->n_addresses * PST_POOLS;
	}
}

/* By its first line alone, which of a free entry may say anything. */
static inline bool
is_wanted_conn(const struct pst_conn *c, const struct pst_show_wanted *w)
{
	struct pst_endpoint inside = pst_key_endpoint(c->local[PST_WAY_OUT]);
	struct pst_endpoint outside = pst_key_endpoint(c->local[PST_WAY_IN]);
	struct pst_endpoint remote = pst_key_endpoint(c->remote);
	bool watched = (c->flags & PST_CONN_WATCHED) != 0;

	return pst_show_is_in(&w->inside, inside) && pst_show_is_in(&w->remote, remote) &&
	       pst_show_is_in(&w->outside, outside) &&
	       (w->protocol == 0 || pst_key_low(c->remote) == w->protocol) &&
	       (w->states >> (c->state & 63) & 1) != 0 &&
	       (w->path == PST_PATH_ANY || watched == (w->path == PST_PATH_EDITOR)) &&
	       pst_show_has_port(w, inside.port, outside.port, remote.port);
}

/* The next connection from i on that may be wanted, or end. */
static uint32_t
skip_conns(const struct pst_nat *nat, const struct pst_show_wanted *w, uint32_t i, uint32_t end)
{
	const struct pst_conn *hot = nat->conns.hot;

	for (; i < end; i++) {
		/* behind the last it does no harm */
		rte_prefetch_non_temporal(&hot[i + AHEAD]);
		if (w->order != PST_ORDER_NONE)
			rte_prefetch_non_temporal(&hot[i + AHEAD].owner);
		if (is_wanted_conn(&hot[i], w))
			break;
	}
	return i;
}

static uint64_t
value_of(const struct pst_show_row *row, enum pst_show_order order)
{
	switch (order) {
	case PST_ORDER_BYTES:
		return row->bytes[PST_DIR_ORIG] + row->bytes[PST_DIR_REPLY];
	case PST_ORDER_PACKETS:
		return row->packets[PST_DIR_ORIG] + row->packets[PST_DIR_REPLY];
	case PST_ORDER_AGE:
		return row->age_ms;
	case PST_ORDER_EXPIRES:
		return row->expires_ms;
	case PST_ORDER_CLIENT:
		return (uint64_t)row->inside.ip << 16 | row->inside.port;
	case PST_ORDER_CONNECTIONS:
		return row->connections;
	case PST_ORDER_PORTS:
		return row->ports_used;
	case PST_ORDER_NONE:
		break;
	}
	return 0;
}

/* A connection's bytes, or packets, both ways. */
static inline uint64_t
conn_sum(const struct pst_nat *nat, uint32_t i, bool bytes)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	uint64_t sum = 0;

	for (int way = 0; way < PST_WAYS; way++)
		sum += bytes ? pst_conn_bytes(c, way) : pst_conn_packets(c, way);
	return sum;
}

/* Is it worth so much that its row is to be made? What is sorted by others is seen there. */
static inline bool
is_worth_it(const struct pst_nat *nat, const struct pst_show_wanted *w, uint32_t i)
{
	if (w->order != PST_ORDER_BYTES && w->order != PST_ORDER_PACKETS)
		return true;
	return pst_show_worth(w, conn_sum(nat, i, w->order == PST_ORDER_BYTES)) >= w->floor;
}

static bool
is_wanted_row(const struct pst_show_row *row, const struct pst_show_wanted *w)
{
	return pst_show_is_in(&w->inside, row->inside) &&
	       pst_show_is_in(&w->outside, row->outside) &&
	       pst_show_is_in(&w->remote, row->remote) &&
	       (w->protocol == 0 || row->protocol == w->protocol) &&
	       (w->editor == PST_WANT_ANY_EDITOR || row->editor == w->editor) &&
	       (w->path == PST_PATH_ANY || row->editor_path == (w->path == PST_PATH_EDITOR)) &&
	       pst_show_has_port(w, row->inside.port, row->outside.port, row->remote.port) &&
	       row->worth >= w->floor;
}

/* Copy entry i as the next row, if it is wanted. */
static void
copy_row(const struct pst_nat *nat, struct pst_req *req, uint32_t i, uint64_t now_ms)
{
	const struct pst_show_wanted *w = &req->show.wanted;
	struct pst_show_row *row = &req->show.rows[req->show.count];

	pst_nat_clear_row(row);
	if (!fills[req->show.table](nat, i, row, now_ms))
		return;
	row->worth = pst_show_worth(w, value_of(row, w->order));
	if (is_wanted_row(row, w))
		req->show.count++;
	else
		pst_ipset_unref(row->filter);
}

/* A piece of a walk is over, or the answer. */
static bool
stop_at(struct pst_req *req, uint32_t i, uint32_t size)
{
	bool is_full = req->type == PST_REQ_SHOW && req->show.count == PST_SHOW_ROWS;

	req->show.looked += i - req->show.cursor;
	req->show.cursor = i < size ? i : 0;
	req->result = req->show.count;
	if (i < size && !is_full && req->show.looked < ANSWER_LOOK)
		return false;
	req->show.looked = 0;
	return true;
}

static bool
refuse(struct pst_req *req)
{
	req->show.count = req->show.cursor = req->show.looked = 0;
	req->result = -EINVAL;
	return true;
}

/* A walk begins: is there anything to find, when it is for one client? */
static bool
may_find(const struct pst_nat *nat, const struct pst_req *req)
{
	const struct pst_show_span *inside = &req->show.wanted.inside;

	if (req->show.cursor != 0 || inside->first != inside->last)
		return true;
	if (req->show.table != PST_SHOW_CONNECTIONS && req->show.table != PST_SHOW_BINDS)
		return true;
	return pst_client_lookup(&nat->clients, rte_cpu_to_be_32(inside->first)) != PST_FLOW_NONE;
}

bool
pst_nat_show(const struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	const struct pst_show_wanted *w = &req->show.wanted;
	enum pst_show_table table = req->show.table;
	uint32_t i = req->show.cursor, size, end, most;

	if (table >= RTE_DIM(fills))
		return refuse(req);
	if (req->show.looked == 0)
		req->show.count = 0;
	size = may_find(nat, req) ? size_of(nat, table) : 0;
	end = RTE_MIN((uint64_t)size, (uint64_t)i + PIECE_LOOK);
	most = RTE_MIN(req->show.count + PIECE_ROWS, (uint32_t)PST_SHOW_ROWS);
	for (; i < end && req->show.count < most; i++) {
		if (table == PST_SHOW_CONNECTIONS) {
			i = skip_conns(nat, w, i, end);
			if (i == end)
				break;
			if (!is_worth_it(nat, w, i))
				continue;
		}
		copy_row(nat, req, i, now_ms);
	}
	return stop_at(req, i, size);
}

/* What a client has open beside its connections; what the operator published stays. */
static bool
end_listener(struct pst_nat *nat, const struct pst_show_wanted *w, uint32_t i, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];
	struct pst_endpoint client;

	if (!l->live || l->gone || l->published || l->state == PST_LISTENER_CLOSING ||
		l->kind > PST_LISTENER_REDIRECT)
		return false;
	client.ip = rte_be_to_cpu_32(nat->clients.entries[l->client].ip);
	client.port = w->inside.port_first;
	if (!pst_show_is_in(&w->inside, client))
		return false;
	pst_nat_listener_close(nat, i, true, now_ms);
	return true;
}

static bool
end_conn(struct pst_nat *nat, const struct pst_show_wanted *w, uint32_t i, uint64_t now_ms)
{
	struct pst_show_row row = { .editor = -1 };

	if (!pst_nat_conn_row(nat, i, &row, now_ms) || !is_wanted_row(&row, w))
		return false;
	pst_nat_close(nat, i, now_ms);
	return true;
}

bool
pst_nat_end(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	const struct pst_show_wanted *w = &req->show.wanted;
	bool conns = req->show.table == PST_SHOW_CONNECTIONS;
	uint32_t i = req->show.cursor, n = 0, size, end;

	pst_assert_owner(&nat->owner);
	if (!conns && req->show.table != PST_SHOW_LISTENERS)
		return refuse(req);
	if (req->show.looked == 0)
		req->show.count = 0;
	size = may_find(nat, req) ? size_of(nat, req->show.table) : 0;
	end = RTE_MIN((uint64_t)size, (uint64_t)i + PIECE_LOOK);
	for (; i < end && n < PIECE_ROWS; i++) {
		if (conns)
			i = skip_conns(nat, w, i, end);
		if (i < end)
			n += conns ? end_conn(nat, w, i, now_ms) : end_listener(nat, w, i, now_ms);
	}
	i = RTE_MIN(i, end);
	req->show.count += n;
	return stop_at(req, i, size);
}
