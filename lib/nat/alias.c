/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Aliases: endpoints at an inside address of ours that stand for a place outside, for one
 * client. A redirect (RedirectConnections) stands for its target, for every connection that
 * the client makes to it. With internal address translation each inbound connection has
 * one of its own, which stands for its peer.
 *
 * The worker puts the remote end in the alias's place before it looks a client's packet up, and
 * the alias in the remote end's place after it has translated an answer.
 */
#include "nat/nat_priv.h"

static struct pst_portpool *
pool_of(const struct pst_nat *nat, uint8_t proto)
{
	return nat->inside_pools[proto == PST_UDP];
}

rte_be32_t
pst_nat_inside_address(const struct pst_nat *nat, rte_be32_t client)
{
	for (uint32_t i = 0; i < nat->params->n_insides; i++) {
		const struct pst_nat_inside *in = &nat->params->insides[i];

		if (((in->ip ^ client) & in->mask) == 0)
			return in->ip;
	}
	return nat->params->insides[0].ip;
}

bool
pst_nat_unalias(const struct pst_nat *nat, uint64_t ours, uint64_t client, uint64_t *remote,
	uint32_t *through)
{
	uint32_t end = pst_nat_end_lookup(nat, ours);
	const struct pst_listener *l;

	*through = PST_SLOT_NONE;
	if (end == PST_FLOW_NONE)
		return false;
	if ((end & 3) == PST_END_ALIAS) {
		*remote = nat->conns.hot[end >> 2].remote;
		return pst_conn_key(&nat->conns.hot[end >> 2], PST_WAY_OUT).b == client;
	}
	l = &nat->listeners.entries[end >> 2];
	if ((end & 3) != PST_END_LISTENER || l->kind != PST_LISTENER_REDIRECT ||
		nat->clients.entries[l->client].ip != pst_key_ip(client))
		return false;
	*remote = l->inside;
	*through = end >> 2;
	return true;
}

bool
pst_nat_has_alias_room(const struct pst_nat *nat, uint8_t proto)
{
	const struct pst_portpool *pool = pool_of(nat, proto);

	return pool != NULL && pst_portpool_free_count(pool) > 0 &&
		pst_flowtable_has_room(&nat->ends, 1);
}

void
pst_nat_alias_add(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_conn *c = &nat->conns.hot[i];
	uint8_t proto = pst_key_low(c->remote);
	rte_be32_t client = pst_key_ip(c->local[PST_WAY_OUT]);
	int port = pst_portpool_take(
		pool_of(nat, proto), 1, rte_be_to_cpu_32(client), &nat->rng, now_ms);
	uint64_t alias;

	RTE_ASSERT(port >= 0);
	alias = pst_key_end(pst_nat_inside_address(nat, client), rte_cpu_to_be_16(port), proto);
	pst_conn_rare(&nat->conns, i)->alias = alias;
	c->flags |= PST_CONN_ALIASED;
	pst_nat_end_add(nat, alias, i << 2 | PST_END_ALIAS);
}

/* A redirect's alias is the redirect's own. */
void
pst_nat_alias_del(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	uint64_t alias = pst_conn_rare_of(&nat->conns, c)->alias;

	if (pst_conn_permission(&nat->conns, c) != PST_SLOT_NONE)
		return;
	pst_nat_end_del(nat, alias, i << 2 | PST_END_ALIAS);
	pst_portpool_put(pool_of(nat, pst_key_low(alias)), rte_be_to_cpu_16(pst_key_port(alias)), 1,
		rte_be_to_cpu_32(pst_key_ip(c->local[PST_WAY_OUT])), now_ms);
}

/* Redirects. */

static int
check_redirect(const struct pst_nat *nat, const struct pst_req *req, uint32_t *via)
{
	int a;

	if (req->bind.n == 0 || req->bind.n > PST_BIND_MAX ||
		(req->bind.protocol != PST_TCP && req->bind.protocol != PST_UDP))
		return -EINVAL;
	*via = PST_LISTENER_ANY_ADDRESS;
	if (req->bind.via != 0) {
		a = pst_nat_find_address_for(nat, req->bind.client_ip, req->bind.via);
		if (a < 0)
			return a;
		*via = a;
	}
	for (uint32_t k = 0; nat->params->rules != NULL && k < req->bind.n; k++) {
		if (!pst_ruleset_check(nat->params->rules, req->bind.protocol_index,
			    req->bind.client_ip, req->bind.ends[k].client.ip, NULL))
			return -EACCES;
	}
	if (nat->params->n_insides == 0)
		return -EADDRNOTAVAIL;
	return pst_nat_has_listener_room(nat, req->bind.n) ? 0 : -ENOMEM;
}

static void
make_redirect(struct pst_nat *nat, struct pst_req *req, uint32_t k, uint32_t client, uint32_t via,
	uint64_t ours, uint64_t now_ms)
{
	uint32_t i = pst_listener_add(&nat->listeners);
	struct pst_listener *l = &nat->listeners.entries[i];

	l->kind = PST_LISTENER_REDIRECT;
	l->outside = ours;
	l->inside = pst_key_of_endpoint(&req->bind.ends[k].client, req->bind.protocol);
	l->cookie = req->bind.ends[k].cookie;
	l->created_ms = l->last_ms = now_ms;
	l->client = client;
	l->address = via;
	l->flags = req->bind.flags;
	l->editor_lcore = req->bind.editor_lcore;
	l->editor = req->bind.editor;
	l->protocol_index = req->bind.protocol_index;
	l->wants_established = req->bind.wants_established;
	l->editor_path = req->bind.editor_path;
	nat->clients.entries[client].refs++;
	pst_nat_end_add(nat, ours, i << 2 | PST_END_LISTENER);
	pst_expiry_arm(nat->listeners.expiry, i, pst_nat_listener_due(nat, l));
	nat->listeners_total++;
	req->bind.ends[k].ref = pst_listener_ref(&nat->listeners, i);
}

int
pst_nat_serve_redirect(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	rte_be32_t client_ip = rte_cpu_to_be_32(req->bind.client_ip), ours;
	uint32_t via, client;
	int ret = check_redirect(nat, req, &via), port;

	if (ret < 0)
		return ret;
	client = pst_client_get(&nat->clients, client_ip, now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	port = pst_portpool_take(pool_of(nat, req->bind.protocol), req->bind.n,
		req->bind.client_ip, &nat->rng, now_ms);
	ours = pst_nat_inside_address(nat, client_ip);
	for (uint32_t k = 0; port > 0 && k < req->bind.n; k++)
		make_redirect(nat, req, k, client, via,
			pst_key_end(ours, rte_cpu_to_be_16(port + k), req->bind.protocol), now_ms);
	pst_client_put(&nat->clients, client);
	req->bind.proxy.ip = rte_be_to_cpu_32(ours);
	req->bind.proxy.port = port > 0 ? port : 0;
	return port > 0 ? 0 : port;
}

void
pst_nat_redirect_end(struct pst_nat *nat, uint32_t listener, uint64_t now_ms)
{
	const struct pst_listener *l = &nat->listeners.entries[listener];

	pst_nat_end_del(nat, l->outside, listener << 2 | PST_END_LISTENER);
	pst_portpool_put(pool_of(nat, pst_key_low(l->outside)),
		rte_be_to_cpu_16(pst_key_port(l->outside)), 1,
		rte_be_to_cpu_32(nat->clients.entries[l->client].ip), now_ms);
}

/* EnableInternalAddressTranslation: from the client's next inbound connection on. */
int
pst_nat_serve_translate(struct pst_nat *nat, const struct pst_req *req, uint64_t now_ms)
{
	uint32_t i;

	if (nat->params->n_insides == 0)
		return -EADDRNOTAVAIL;
	i = pst_client_get(&nat->clients, rte_cpu_to_be_32(req->bind.client_ip), now_ms);
	if (i == PST_SLOT_NONE)
		return -ENOMEM;
	if (nat->clients.entries[i].aliases != (req->bind.n != 0)) {
		nat->clients.entries[i].aliases = req->bind.n != 0;
		nat->clients.entries[i].refs += req->bind.n != 0 ? 1 : -1;
	}
	pst_client_put(&nat->clients, i);
	return 0;
}
