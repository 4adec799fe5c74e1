/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Emulated connections: the outside end is an editor's own. The worker has an entry like any
 * watched one, so what the client sends is lent to the editor lcore, and what that makes comes
 * back as if from outside. Its end there is at 0.x.y.z, which no packet is let in with, so nobody
 * outside can be mistaken for it.
 */
#include <rte_tcp.h>

#include "nat/nat_priv.h"

/* Nobody may use it but its one connection, whose end is its own. */
static uint32_t
make_owner(struct pst_nat *nat, uint32_t client, uint64_t now_ms)
{
	uint32_t i = pst_listener_add(&nat->listeners);
	struct pst_listener *l = &nat->listeners.entries[i];

	l->kind = PST_LISTENER_EMULATED;
	l->state = PST_LISTENER_CLOSING;
	l->outside = pst_key_end(0, 0, PST_TCP);
	l->cookie = PST_NO_COOKIE;
	l->created_ms = l->last_ms = now_ms;
	l->client = client; /* with the reference */
	l->protocol_index = PST_NAT_NO_PROTOCOL;
	l->told = true;
	l->connections = 1;
	return i;
}

static void
open_conn(struct pst_nat *nat, struct pst_req *req, uint32_t owner, uint32_t client,
	struct pst_flow_key key, uint64_t now_ms)
{
	struct pst_nat_packet p = { .key = key,
		.proto = PST_TCP,
		.tcp_flags = RTE_TCP_SYN_FLAG,
		.now_ms = now_ms };
	rte_be32_t nowhere = rte_cpu_to_be_32((owner + 1) & 0xffffff);
	uint32_t i = pst_conn_open(
		&nat->conns, key.a, key.b, pst_key_end(nowhere, 0, PST_WAY_IN), now_ms);
	struct pst_conn_rare *rare = pst_conn_rare(&nat->conns, i);
	struct pst_conn *c = &nat->conns.hot[i];

	c->owner = owner;
	c->flags = PST_CONN_INBOUND | PST_CONN_LISTENER | PST_CONN_WATCHED | PST_CONN_KNOWN;
	c->protocol_index = req->emulate.protocol_index;
	rare->editor_lcore = req->emulate.editor_lcore;
	rare->cookie = PST_NO_COOKIE;
	pst_nat_start_conn(nat, i, client, &p);
	req->emulate.ref = pst_conn_ref(&nat->conns, i);
	req->emulate.outside = pst_key_endpoint(c->local[PST_WAY_IN]);
}

int
pst_nat_serve_emulate(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	struct pst_flow_key key = { pst_key_of_endpoint(&req->emulate.remote, PST_TCP),
		pst_key_of_endpoint(&req->emulate.client, PST_WAY_OUT) };
	uint32_t client;

	if (req->emulate.remote.ip == 0 || req->emulate.remote.port == 0 ||
		req->emulate.client.ip == 0 || req->emulate.client.port == 0)
		return -EINVAL;
	if (pst_conn_lookup(&nat->conns, pst_flow_hash(&nat->conns.flows, key), key) !=
		PST_FLOW_NONE)
		return -EADDRINUSE;
	if (nat->listeners.slots.n_free == 0 || nat->conns.slots.n_free == 0 ||
		!pst_conn_has_rare_room(&nat->conns) ||
		!pst_flowtable_has_room(&nat->conns.flows, PST_WAYS))
		return -ENOMEM;
	client = pst_client_get(
		&nat->clients, rte_cpu_to_be_32(req->emulate.client.ip), now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	open_conn(nat, req, make_owner(nat, client, now_ms), client, key, now_ms);
	return 0;
}
