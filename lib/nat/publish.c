/* SPDX-License-Identifier: BSD-3-Clause */
/* Published servers: listeners that the operator made, and nobody's timeout ends. */
#include <stdlib.h>

#include "nat/nat_priv.h"

#define BACKLOG 1024 /* connections that the server has not answered yet */

/*
 * A port that clients could get is taken from its pool; others are in none. One that rests is
 * taken too: a server is there for all, so for the peers of whoever had it before.
 */
static int
take_port(struct pst_nat *nat, uint32_t address, const struct pst_nat_published *what,
	uint64_t now_ms)
{
	struct pst_portpool *pool = nat->pools[address][pst_nat_pool_of(what->protocol)];
	uint16_t port = what->external.port;
	int ret;

	if (!pst_portpool_has(pool, port))
		return 0;
	if (nat->params->block_size == 0 && !pst_portpool_is_taken(pool, port)) {
		pst_portpool_take_exact(pool, port, 1);
		return 0;
	}
	ret = pst_nat_port_take_fixed(nat, PST_SLOT_NONE, what->internal.ip, address,
		what->protocol, port, now_ms);
	return ret < 0 ? ret : 0;
}

void
pst_nat_set_published(
	const struct pst_nat *nat, struct pst_listener *l, const struct pst_nat_published *what)
{
	l->protocol_index = what->protocol_index;
	l->editor_path = what->editor_path && nat->params->n_editor_lcores > 0;
	if (l->editor_path)
		l->editor_lcore =
			pst_nat_editor_lcore(nat, rte_cpu_to_be_32(what->internal.ip));
}

static void
make_listener(struct pst_nat *nat, const struct pst_nat_published *what, uint32_t client,
	uint32_t address, bool foreign, uint64_t now_ms)
{
	uint32_t i = pst_listener_add(&nat->listeners);
	struct pst_listener *l = &nat->listeners.entries[i];

	l->outside = pst_key_of_endpoint(&what->external, what->protocol);
	l->inside = pst_key_of_endpoint(&what->internal, what->protocol);
	l->cookie = PST_NO_COOKIE;
	l->created_ms = l->last_ms = now_ms;
	l->client = client; /* with the reference */
	l->address = address;
	l->flags = PST_FLAG_ALLOW_MULTIPLE |
		(what->protocol == PST_UDP ? PST_FLAG_BIDIRECTIONAL : 0);
	l->backlog = BACKLOG;
	pst_nat_set_published(nat, l, what);
	l->published = l->told = true;
	l->foreign = foreign;
	pst_nat_end_add(nat, l->outside, i << 2 | PST_END_LISTENER);
	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(LISTENER)))
		pst_nat_record_listener(nat, PST_RECORD_LISTENER_OPEN, l, now_ms);
}

int
pst_nat_publish_port(struct pst_nat *nat, const struct pst_nat_published *what, uint32_t worker,
	uint64_t now_ms)
{
	uint64_t outside = pst_key_of_endpoint(&what->external, what->protocol);
	int ret;

	if (nat->redirect_slots.n_free == 0 || !pst_flowtable_has_room(&nat->ends, 1))
		return -ENOMEM;
	if (pst_nat_end_lookup(nat, outside) != PST_FLOW_NONE)
		return -EADDRINUSE;
	ret = take_port(nat, what->address, what, now_ms);
	if (ret < 0 || worker == nat->owner.index)
		return ret;
	return pst_nat_redirect_add(nat, outside, what->address, worker, what->internal.ip);
}

int
pst_nat_publish(
	struct pst_nat *nat, const struct pst_nat_published *what, bool foreign, uint64_t now_ms)
{
	uint64_t outside = pst_key_of_endpoint(&what->external, what->protocol);
	uint32_t client;

	if (!pst_nat_has_listener_room(nat, 1))
		return -ENOMEM;
	if (pst_nat_end_lookup(nat, outside) != PST_FLOW_NONE)
		return -EADDRINUSE;
	client = pst_client_get(
		&nat->clients, rte_cpu_to_be_32(what->internal.ip), now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	make_listener(nat, what, client, what->address, foreign, now_ms);
	return 0;
}

static uint64_t
order_of(const struct pst_nat_published *p)
{
	return (uint64_t)p->external.ip << 32 | (uint32_t)p->external.port << 16 | p->protocol;
}

int
pst_nat_published_compare(const struct pst_nat_published *a, const struct pst_nat_published *b)
{
	return (order_of(a) > order_of(b)) - (order_of(a) < order_of(b));
}

static int
compare(const void *a, const void *b)
{
	return pst_nat_published_compare(a, b);
}

const struct pst_nat_published *
pst_nat_published_find(const struct pst_nat_params *params, uint64_t outside)
{
	const struct pst_nat_published wanted = {
		.external = pst_key_endpoint(outside), .protocol = pst_key_low(outside)
	};

	if (params->n_servers == 0)
		return NULL;
	return bsearch(&wanted, params->servers, params->n_servers, sizeof(wanted), compare);
}

void
pst_nat_unpublish_all(struct pst_nat *nat, uint64_t now_ms)
{
	for (uint32_t i = 0; i < nat->listeners.slots.capacity; i++) {
		const struct pst_listener *l = &nat->listeners.entries[i];

		if (l->live && l->published && l->state == PST_LISTENER_OPEN)
			pst_nat_listener_close(nat, i, false, now_ms);
	}
}

/* A server that a config had before, and connections kept: it takes new ones again. */
static int
reopen(struct pst_nat *nat, uint64_t outside, uint64_t inside)
{
	uint32_t end = pst_nat_end_lookup(nat, outside);
	struct pst_listener *l = &nat->listeners.entries[end >> 2];

	if (end == PST_FLOW_NONE || (end & 3) != PST_END_LISTENER || !l->published || l->gone ||
		l->inside != inside)
		return -ENOENT;
	l->state = PST_LISTENER_OPEN;
	return 0;
}

static int
unpublish(struct pst_nat *nat, uint64_t outside, uint64_t now_ms)
{
	uint32_t end = pst_nat_end_lookup(nat, outside);

	if (end == PST_FLOW_NONE || (end & 3) != PST_END_LISTENER ||
		!nat->listeners.entries[end >> 2].published)
		return -ENOENT;
	pst_nat_listener_close(nat, end >> 2, false, now_ms);
	return 0;
}

int
pst_nat_serve_publish(struct pst_nat *nat, const struct pst_req *req, uint64_t now_ms)
{
	const struct pst_nat_published what = { .external = req->publish.external,
		.internal = req->publish.internal,
		.protocol = req->publish.protocol,
		.address = req->publish.address,
		.protocol_index = req->publish.protocol_index,
		.editor_path = req->publish.editor_path };
	uint64_t outside = pst_key_of_endpoint(&what.external, what.protocol);
	bool foreign = req->publish.port_worker != nat->owner.index;
	int ret = 0;

	switch (req->publish.step) {
	case PST_PUBLISH_REOPEN:
		return reopen(nat, outside, pst_key_of_endpoint(&what.internal, what.protocol));
	case PST_PUBLISH_PORT:
		return pst_nat_publish_port(nat, &what, req->publish.worker, now_ms);
	case PST_PUBLISH_SERVER:
		if (!foreign)
			ret = pst_nat_publish_port(nat, &what, nat->owner.index, now_ms);
		return ret < 0 ? ret : pst_nat_publish(nat, &what, foreign, now_ms);
	case PST_PUBLISH_END:
		return unpublish(nat, outside, now_ms);
	}
	return -EINVAL;
}
