/* SPDX-License-Identifier: BSD-3-Clause */
/* Published servers: listeners that the operator made, and nobody's timeout ends. */
#include "nat/nat_priv.h"

#define BACKLOG 1024 /* connections that the server has not answered yet */

/* A port that clients could get is taken from its pool; others are in none. */
static int
take_port(struct pst_nat *nat, uint32_t address, const struct pst_nat_published *what,
	uint64_t now_ms)
{
	struct pst_portpool *pool = nat->pools[address][pst_nat_pool_of(what->protocol)];
	uint16_t port = what->external.port;
	int ret;

	if (!pst_portpool_has(pool, port))
		return 0;
	ret = pst_nat_port_take_fixed(nat, PST_SLOT_NONE, what->internal.ip, address,
		what->protocol, port, now_ms);
	return ret < 0 ? ret : 0;
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
	l->protocol_index = what->protocol_index;
	l->editor_path = what->editor_path && nat->params->n_editor_lcores > 0;
	if (l->editor_path)
		l->editor_lcore =
			pst_nat_editor_lcore(nat, rte_cpu_to_be_32(what->internal.ip));
	l->published = l->told = true;
	l->foreign = foreign;
	pst_nat_end_add(nat, l->outside, i << 2 | PST_END_LISTENER);
}

int
pst_nat_publish(struct pst_nat *nat, struct pst_nat *owner, const struct pst_nat_published *what,
	uint64_t now_ms)
{
	int address = pst_nat_find_address(nat, what->external.ip), ret;
	uint64_t outside = pst_key_of_endpoint(&what->external, what->protocol);
	uint32_t client;

	if (address < 0)
		return address;
	if (!pst_nat_has_listener_room(nat, 1) || owner->redirect_slots.n_free == 0 ||
		!pst_flowtable_has_room(&owner->ends, 1))
		return -ENOMEM;
	if (pst_nat_end_lookup(nat, outside) != PST_FLOW_NONE)
		return -EADDRINUSE;
	ret = take_port(owner, address, what, now_ms);
	if (ret < 0)
		return ret;
	client = pst_client_get(
		&nat->clients, rte_cpu_to_be_32(what->internal.ip), now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	if (owner != nat)
		pst_nat_redirect_add(
			owner, outside, address, nat->owner.index, what->internal.ip);
	make_listener(nat, what, client, address, owner != nat, now_ms);
	return 0;
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
