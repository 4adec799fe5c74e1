/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for the operator: a part of a table at a time, between bursts. */
#include <string.h>

#include "filter/ipfilter.h"
#include "nat/nat_priv.h"

#define LOOK_MOST 4096 /* entries looked at for one answer, used or not */

typedef bool (*fill_row)(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);

static uint32_t
until(uint64_t due_ms, uint64_t now_ms)
{
	if (due_ms == PST_EXPIRY_NEVER)
		return UINT32_MAX;
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

static bool
conn_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
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
	row->protocol_index =
		c->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : c->protocol_index;
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

static bool
listener_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
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
	row->protocol_index =
		l->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : l->protocol_index;
	row->ref = pst_listener_ref(&nat->listeners, i);
	return true;
}

static bool
filter_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[i];

	return l->live && l->filter != NULL && listener_row(nat, i, row, now_ms);
}

/* Of a redirect the inside end is the firewall's, and its place outside is the remote end. */
static bool
permission_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
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
	row->protocol_index =
		l->protocol_index == PST_NAT_NO_PROTOCOL ? -1 : l->protocol_index;
	return true;
}

static bool
client_row(const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_client *c = &nat->clients.entries[i];

	if (c->refs == 0)
		return false;
	row->inside.ip = rte_be_to_cpu_32(c->ip);
	row->outside.ip =
		rte_be_to_cpu_32(nat->params->addresses[pst_nat_address_of(nat, c)]);
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

	if (pool == NULL)
		return false;
	row->protocol = protos[i % PST_POOLS];
	row->outside.ip = rte_be_to_cpu_32(nat->params->addresses[i / PST_POOLS]);
	row->runs = nat->runs;
	row->ports_used = pst_portpool_used(pool);
	row->ports_free = pst_portpool_free_count(pool);
	row->ports_resting = pst_portpool_resting(pool, now_ms);
	return true;
}

static const struct {
	fill_row fill;
} tables[] = {
	[PST_SHOW_CONNECTIONS] = { conn_row },
	[PST_SHOW_BINDS] = { bind_row },
	[PST_SHOW_LISTENERS] = { listener_row },
	[PST_SHOW_FILTERS] = { filter_row },
	[PST_SHOW_PERMISSIONS] = { permission_row },
	[PST_SHOW_POOLS] = { pool_row },
	[PST_SHOW_CLIENTS] = { client_row },
	[PST_SHOW_BLOCKS] = { pst_nat_block_row },
};

static uint32_t
size_of(const struct pst_nat *nat, enum pst_show_table table)
{
	switch (table) {
	case PST_SHOW_CONNECTIONS:
		return nat->conns.slots.capacity;
	case PST_SHOW_BINDS:
		return nat->binds.slots.capacity;
	case PST_SHOW_LISTENERS:
	case PST_SHOW_FILTERS:
	case PST_SHOW_PERMISSIONS:
		return nat->listeners.slots.capacity;
	case PST_SHOW_CLIENTS:
		return nat->clients.slots.capacity;
	case PST_SHOW_BLOCKS:
		return nat->params->block_size == 0 ?
			0 :
			nat->params->n_addresses * (65536 / nat->params->block_size);
	default:
		return nat->params->n_addresses * PST_POOLS;
	}
}

void
pst_nat_show(const struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint32_t i = req->show.cursor, size, end;

	req->show.count = 0;
	if (req->show.table >= RTE_DIM(tables)) {
		req->show.cursor = 0;
		req->result = -EINVAL;
		return;
	}
	size = size_of(nat, req->show.table);
	end = RTE_MIN((uint64_t)size, (uint64_t)i + LOOK_MOST);
	for (; i < end && req->show.count < PST_SHOW_ROWS; i++) {
		struct pst_show_row *row = &req->show.rows[req->show.count];

		memset(row, 0, sizeof(*row));
		row->editor = row->protocol_index = -1;
		if (tables[req->show.table].fill(nat, i, row, now_ms))
			req->show.count++;
	}
	req->show.cursor = i < size ? i : 0;
	req->result = req->show.count;
}
