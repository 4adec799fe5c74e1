/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Permissions (AllowFutureConnect) and interests (SetDataFilterFactory) of clients: lists
 * that are looked at when a client that has any opens a connection. A one-shot
 * permission is used up by its first connection, and stays until that has ended (R66).
 */
#include <string.h>

#include "nat/nat_priv.h"

#define PERMISSIONS_MAX 256 /* of one client: what a new connection of it may have to look at */

static bool
is_match(uint64_t pattern, uint64_t remote)
{
	if (pst_key_low(pattern) != pst_key_low(remote))
		return false;
	if (pst_key_ip(pattern) != 0 && pst_key_ip(pattern) != pst_key_ip(remote))
		return false;
	return pst_key_port(pattern) == 0 || pst_key_port(pattern) == pst_key_port(remote);
}

uint32_t
pst_nat_permission_find(const struct pst_nat *nat, const struct pst_client *client,
	enum pst_listener_kind kind, uint64_t remote)
{
	uint32_t i = client->first_permission;

	while (i != PST_SLOT_NONE) {
		const struct pst_listener *l = &nat->listeners.entries[i];

		if (l->kind == kind && l->state == PST_LISTENER_OPEN &&
			is_match(l->outside, remote))
			break;
		i = l->of_client;
	}
	return i;
}

void
pst_nat_permission_use(struct pst_nat *nat, uint32_t permission, uint32_t i, uint64_t now_ms)
{
	struct pst_listener *l = &nat->listeners.entries[permission];
	struct pst_conn *c = &nat->conns.hot[i];
	struct pst_conn_rare *rare = pst_conn_rare(&nat->conns, i);

	rare->permission = permission + 1;
	rare->cookie = l->cookie;
	rare->editor_lcore = l->editor_lcore;
	c->wants_established = l->wants_established;
	l->connections++;
	l->last_ms = now_ms;
	if (!(l->flags & PST_FLAG_ALLOW_MULTIPLE))
		l->state = PST_LISTENER_USED;
	pst_expiry_cancel(nat->listeners.expiry, permission);
}

static void
link_to_client(struct pst_nat *nat, uint32_t i)
{
	struct pst_listener *l = &nat->listeners.entries[i];
	struct pst_client *c = &nat->clients.entries[l->client];

	l->of_client = c->first_permission;
	c->first_permission = i;
	c->permissions++;
}

void
pst_nat_permission_unlink(struct pst_nat *nat, uint32_t i)
{
	struct pst_client *c = &nat->clients.entries[nat->listeners.entries[i].client];
	uint32_t *at = &c->first_permission;

	while (*at != i)
		at = &nat->listeners.entries[*at].of_client;
	*at = nat->listeners.entries[i].of_client;
	c->permissions--;
}

static int
check_permit(const struct pst_nat *nat, const struct pst_req *req, uint32_t *via)
{
	int a;

	if (req->permit.protocol != PST_TCP && req->permit.protocol != PST_UDP)
		return -EINVAL;
	*via = PST_LISTENER_ANY_ADDRESS;
	if (req->permit.via != 0) {
		a = pst_nat_find_address_for(nat, req->permit.client_ip, req->permit.via);
		if (a < 0)
			return a;
		*via = a;
	}
	if (!req->permit.is_interest && nat->params->rules != NULL &&
		!pst_ruleset_check(nat->params->rules, req->permit.protocol_index,
			req->permit.client_ip, req->permit.remote.ip, NULL))
		return -EACCES;
	return nat->listeners.slots.n_free > 0 ? 0 : -ENOMEM;
}

int
pst_nat_serve_permit(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	struct pst_listener *l;
	uint32_t client, via, i;
	int ret = check_permit(nat, req, &via);

	if (ret < 0)
		return ret;
	client = pst_client_get(
		&nat->clients, rte_cpu_to_be_32(req->permit.client_ip), now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	if (nat->clients.entries[client].permissions >= PERMISSIONS_MAX) {
		pst_client_put(&nat->clients, client);
		return -ENOSPC;
	}
	i = pst_listener_add(&nat->listeners);
	l = &nat->listeners.entries[i];
	l->kind = req->permit.is_interest ? PST_LISTENER_INTEREST : PST_LISTENER_PERMISSION;
	l->outside = pst_key_of_endpoint(&req->permit.remote, req->permit.protocol);
	l->cookie = req->permit.cookie;
	l->created_ms = l->last_ms = now_ms;
	l->client = client; /* with the reference */
	l->address = via;
	l->flags = req->permit.flags;
	l->editor_lcore = req->permit.editor_lcore;
	l->editor = req->permit.editor;
	l->protocol_index = req->permit.protocol_index;
	l->wants_established = req->permit.wants_established;
	l->editor_path = req->permit.editor_path;
	link_to_client(nat, i);
	pst_expiry_arm(nat->listeners.expiry, i, pst_nat_listener_due(nat, l));
	nat->listeners_total++;
	req->permit.ref = pst_listener_ref(&nat->listeners, i);
	return 0;
}
